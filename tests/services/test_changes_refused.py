from __future__ import annotations

import gzip
import json

import pytest

from shared.errors import BadInput, TooLarge, Unauthenticated, WrongMediaType
from tests.services.watched import House, batch, recorded


def test_a_kind_that_is_not_watched_is_named_with_the_setting(house: House) -> None:
    house.admit(recorded("configmap-change"))
    (row,) = house.rows()
    assert row.reason == ("the kind ConfigMap is not watched: WATCHED_KINDS has DaemonSet, Deployment, StatefulSet")
    assert house.tracked("ConfigMap/default/app-config") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [pytest.param("operation", "CONNECT", id="connect"), pytest.param("subResource", "status", id="status")],
)
def test_requests_of_other_kinds_are_only_counted(house: House, field: str, value: str) -> None:
    review = recorded("deployment-image")
    review["request"][field] = value
    house.admit(review)
    assert house.counted == {"other": 1}


@pytest.mark.parametrize(
    ("cluster", "token"),
    [
        pytest.param("c1", "wrong", id="a wrong token"),
        pytest.param("c9", "wrong", id="an unknown cluster"),
        pytest.param("c1", "tökén", id="no token at all"),
    ],
)
def test_a_wrong_address_is_refused_without_telling_what_is_wrong(house: House, cluster: str, token: str) -> None:
    with pytest.raises(Unauthenticated, match="no such cluster, or not its token"):
        house.admit(b"{}", params={"cluster": cluster, "token": token})


def test_the_token_of_one_way_in_does_not_open_the_other(house: House) -> None:
    call = house.call("audit", recorded("deployment-image"), "c1")
    with pytest.raises(Unauthenticated):
        house.admission.admit(call)


def test_what_is_no_review_is_refused(house: House) -> None:
    with pytest.raises(BadInput, match="no AdmissionReview"):
        house.admit(b"{}")


def test_a_body_may_come_gzipped(house: House) -> None:
    body = gzip.compress(json.dumps(recorded("deployment-image")).encode())
    house.admit(body, headers={"content-encoding": "gzip"})
    events = gzip.compress(json.dumps(batch()).encode())
    house.hear(events, "c2", headers={"content-encoding": "GZIP"})
    assert house.counted["triggered"] == 4


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        pytest.param(gzip.compress(b" " * (9 << 20)), "gzip", TooLarge, id="a bomb"),
        pytest.param(b"{}", "br", WrongMediaType, id="another encoding"),
    ],
)
def test_a_compressed_body_is_bounded(house: House, body: bytes, encoding: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        house.admit(body, headers={"content-encoding": encoding})
