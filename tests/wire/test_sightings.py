from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.errors import BadInput
from shared.rules.digests import side
from shared.wire.sightings import read_sightings, write_sightings

AT = "2026-01-01T00:00:00.000Z"
WEB: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": {}}


def body(**changes: Any) -> bytes:
    return msgspec.json.encode({"sightings": [{"id": "s1", "at": AT, "object": WEB} | changes]})


def test_what_is_written_is_read() -> None:
    [whole] = read_sightings(write_sightings([("s1", AT, WEB, True)]))
    assert ("s1", AT, "Deployment", "shop", "web", True) == (
        whole.id,
        whole.at,
        whole.kind,
        whole.namespace,
        whole.name,
        whole.autoscaled,
    )


def test_a_sighting_names_nobody_and_is_no_later_than_its_receipt() -> None:
    [whole] = read_sightings(body(at="2026-01-01T02:00:00+01:00"))
    found = whole.sighting("c1", "2026-01-01T00:30:00.000Z", lambda obj: side(obj, b"k"))
    assert ("heartbeat", "UPDATE", "", "2026-01-01T00:30:00.000Z") == (
        found.source,
        found.operation,
        found.actor,
        found.at,
    )
    assert ("c1", "Deployment/shop/web", None) == (found.workload.cluster, found.workload.subject, found.old)
    assert found.new is not None
    assert "u" == found.new.uid


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        pytest.param(b"[]", "no sightings", id="a list"),
        pytest.param(b"{", "no sightings", id="no JSON"),
        pytest.param(b"\xff", "no sightings", id="no UTF-8"),
        pytest.param(b'{"sightings": {}}', "no sightings", id="no list inside"),
        pytest.param(body(object=None), "no kind or no name", id="no object"),
        pytest.param(body(object={"kind": "Deployment"}), "no kind or no name", id="no name"),
        pytest.param(body(object={"metadata": {"name": "web"}}), "no kind or no name", id="no kind"),
        pytest.param(body(object=7), "no sightings", id="a number"),
        pytest.param(body(at="2026-01-01T00:00:00"), "no time zone", id="no time zone"),
        pytest.param(body(id=""), "no sightings", id="no id"),
        pytest.param(msgspec.json.encode({"sightings": [{}] * 101}), "no sightings", id="too many"),
    ],
)
def test_what_is_no_sighting_is_refused_and_named(sent: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_sightings(sent)
