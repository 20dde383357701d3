from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.errors import BadInput
from shared.model.changes import Side, Sighting, Workload
from shared.model.heartbeats import Asked
from shared.rules.digests import side
from shared.rules.sealing import sealed
from shared.wire.sightings import MOST, parted, read_sightings, write_sighting, write_sightings

AT = "2026-01-01T00:00:00.000Z"
WEB: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": {}}


def body(**changes: Any) -> bytes:
    return msgspec.json.encode({"sightings": [{"id": "s1", "at": AT, "object": WEB} | changes]})


def unreadable(obj: dict[str, Any]) -> Side:
    raise AssertionError(obj)


def sealed_web(replicas: int) -> Side:
    obj = WEB | {"spec": {"replicas": replicas, "paused": True}}
    return sealed(side(obj, b"k"), b"k", Asked(plain=("spec.paused", "spec.gone"), moved=("length(spec)",)))


REVIEW = Sighting(
    "s1",
    "admission",
    "UPDATE",
    Workload("c1", "Deployment", "shop", "web"),
    "ada",
    AT,
    sealed_web(2),
    sealed_web(3),
    ("staff",),
    autoscaled=True,
)


@pytest.mark.parametrize(
    "sighting",
    [
        pytest.param(REVIEW, id="review"),
        pytest.param(msgspec.structs.replace(REVIEW, operation="CREATE", old=None), id="creation"),
        pytest.param(msgspec.structs.replace(REVIEW, operation="DELETE", new=None), id="deletion"),
        pytest.param(msgspec.structs.replace(REVIEW, source="heartbeat", actor="", old=None), id="heartbeat"),
    ],
)
def test_what_is_written_is_read(sighting: Sighting) -> None:
    [told] = read_sightings(write_sightings([write_sighting(sighting)]))
    assert sighting == told.sighting("c1", AT, unreadable)


def test_a_cluster_is_what_its_signature_says_and_not_what_it_writes() -> None:
    [told] = read_sightings(write_sightings([write_sighting(REVIEW)]))
    assert "c2" == told.sighting("c2", AT, unreadable).workload.cluster


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(f"00-{'ab' * 16}-{'cd' * 8}-01", f"00-{'ab' * 16}-{'cd' * 8}-01", id="one"),
        pytest.param("00-x", "", id="none"),
    ],
)
def test_a_trace_context_is_looked_at_anew(written: str, expected: str) -> None:
    traced = msgspec.structs.replace(REVIEW, traceparent=written)
    [told] = read_sightings(write_sightings([write_sighting(traced)]))
    assert expected == told.sighting("c1", AT, unreadable).traceparent


def test_what_a_later_subscriber_writes_besides_is_ignored() -> None:
    later = msgspec.json.decode(write_sighting(REVIEW)) | {"since": "later"}
    later["new"] |= {"since": "later"}
    [told] = read_sightings(write_sightings([msgspec.json.encode(later)]))
    assert REVIEW == told.sighting("c1", AT, unreadable)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        pytest.param([], 10, [], id="none"),
        pytest.param([4, 4], 10, [2], id="all in one"),
        pytest.param([4, 4, 4], 10, [2, 1], id="one more"),
        pytest.param([40, 1], 10, [1, 1], id="one that is larger than all"),
        pytest.param([0] * (MOST + 1), 10, [MOST, 1], id="many"),
    ],
)
def test_bodies_are_bounded_and_lose_nothing(sizes: list[int], limit: int, expected: list[int]) -> None:
    written = [b"x" * size for size in sizes]
    parts = list(parted(written, limit))
    assert (expected, written) == ([len(part) for part in parts], [one for part in parts for one in part])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a list"),
        pytest.param({"metadata": {"annotations": 7}}, id="annotations that are none"),
    ],
)
def test_a_side_that_is_no_object_is_refused(content: Any) -> None:
    made = msgspec.json.decode(write_sighting(REVIEW))
    made["new"]["content"] = content
    [told] = read_sightings(write_sightings([msgspec.json.encode(made)]))
    with pytest.raises(BadInput, match="the object cannot be read"):
        told.sighting("c1", AT, unreadable)


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
        pytest.param(msgspec.json.encode({"sightings": [{"id": "s1", "at": AT}]}), "no kind or no name", id="nothing"),
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
