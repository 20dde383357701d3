from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.model.changes import Side, Sighting, Workload
from shared.rules.digests import side
from shared.wire.audit import read_events
from shared.wire.signals import Batch, Signal

BATCHES = Path(__file__).parent.parent / "deliveries" / "audit"
RECEIVED = "2026-11-22T21:00:00.000Z"
WRONG: tuple[Any, ...] = (None, 7, 1.5, True, "x" * 300, "a/b", [], [1], {}, {"a": 1}, "\u0000", "//[", "0001-01-01")
DELETED = object()


def recorded(name: str = "create-image-scale-env") -> dict[str, Any]:
    batch: dict[str, Any] = json.loads((BATCHES / f"{name}.json").read_bytes())
    return batch


def event(index: int = 1, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = recorded()["items"][index]
    return {**found, **fields}


def read(*events: Any) -> Batch:
    return read_events(json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}).encode())


def told(*events: Any) -> Signal:
    (signal,) = read(*events).signals
    return signal


def sight(obj: dict[str, Any]) -> Side:
    return side(obj, b"key")


def test_a_batch_is_read_in_its_order() -> None:
    batch = read_events((BATCHES / "create-image-scale-env.json").read_bytes())
    expected = [("CREATE", False, True), ("UPDATE", False, True), ("UPDATE", True, False), ("UPDATE", False, True)]
    assert expected == [(s.operation, s.scale, s.annotated) for s in batch.signals]
    assert {(s.kind, s.namespace, s.name) for s in batch.signals} == {("Deployment", "default", "web")}
    assert batch.skipped == {}


def test_an_update_is_a_fact_without_an_old_side() -> None:
    expected = Sighting(
        id="4dafd63c-4be7-4f47-8c35-d1c2f3f3a5a5",
        source="audit",
        operation="UPDATE",
        workload=Workload("c1", "Deployment", "default", "web"),
        actor="admin",
        at="2026-11-22T20:39:16.517Z",
        new=sight(event()["responseObject"]),
        actor_groups=("system:masters", "system:authenticated"),
    )
    found = told(event(auditID="4dafd63c-4be7-4f47-8c35-d1c2f3f3a5a5"))
    assert expected == found.sighting("c1", RECEIVED, sight)


def test_a_time_ahead_of_ours_is_ours() -> None:
    found = told(event(stageTimestamp="2026-11-22T23:00:00+01:00"))
    assert found.at == "2026-11-22T22:00:00.000Z"
    assert found.sighting("c1", RECEIVED, sight).at == RECEIVED


def test_a_deletion_says_the_uid_from_its_status() -> None:
    batch = read_events((BATCHES / "delete-and-conflict.json").read_bytes())
    sighting = batch.signals[1].sighting("c1", RECEIVED, sight)
    expected = Side("d5d74e23-e52d-41b7-b796-d2ea6a882877", {}, "", partial=True)
    assert ("DELETE", "Deployment", expected, None) == (
        sighting.operation,
        sighting.workload.kind,
        sighting.old,
        sighting.new,
    )
    assert batch.skipped == {"failed": 1}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, "", id="no details"),
        pytest.param({"details": {"name": "web"}}, "", id="no uid"),
        pytest.param({"details": {"uid": "u-9"}}, "u-9", id="a uid"),
    ],
)
def test_a_deletion_without_an_object_is_told_by_its_reference(fields: dict[str, Any], expected: str) -> None:
    found = told(event(verb="delete", responseObject=None, responseStatus={"code": 200, **fields}))
    assert ("Deployment", "web", expected) == (found.kind, found.name, found.uid)


def test_a_patch_that_creates_is_a_creation() -> None:
    assert told(event(responseStatus={"code": 201})).operation == "CREATE"


def test_a_patch_is_told_by_what_it_led_to() -> None:
    merge, json_patch = event(requestObject={"spec": {"replicas": 9}}), event(requestObject=[{"op": "remove"}])
    assert [event()["responseObject"]] * 2 == [json.loads(bytes(told(one).new or b"")) for one in (merge, json_patch)]


def test_a_batch_that_lost_its_objects_still_tells_of_what_has_one() -> None:
    whole, bare = event(0), {name: value for name, value in event(1).items() if not name.endswith("Object")}
    batch = read(bare, whole, {**bare, "auditID": "b"})
    assert ([whole["auditID"]], {"no_object": 2}) == ([one.id for one in batch.signals], batch.skipped)


def test_a_batch_is_told_in_the_order_in_which_things_happened() -> None:
    events = recorded()["items"]
    assert read(*events).signals == read(*events[::-1]).signals


def test_a_generated_name_is_taken_from_the_object() -> None:
    reference = {"resource": "deployments", "apiGroup": "apps"}
    found = told(event(objectRef=reference))
    assert ("web", "default") == (found.name, found.namespace)


def test_who_is_impersonated_is_the_actor() -> None:
    found = told(event(impersonatedUser={"username": "jane", "groups": None}))
    assert ("jane", ()) == (found.actor, found.actor_groups)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"stage": "RequestReceived", "responseStatus": {}, "responseObject": None}, "stage", id="received"
        ),
        pytest.param({"stage": "ResponseStarted"}, "stage", id="an early stage"),
        pytest.param({"stage": "Panic"}, "stage", id="a panic"),
        pytest.param({"verb": "get"}, "verb", id="a read"),
        pytest.param({"verb": "deletecollection"}, "verb", id="a collection"),
        pytest.param({"responseStatus": {"code": 409}}, "failed", id="a conflict"),
        pytest.param({"requestURI": "/apis/apps/v1/deployments?a=b&dryRun=All"}, "dry_run", id="a dry run"),
        pytest.param({"verb": "delete", "requestObject": {"dryRun": ["All"]}}, "dry_run", id="a dry deletion"),
        pytest.param({"verb": "delete", "requestObject": [1]}, "broken", id="a deletion with nonsense"),
        pytest.param({"objectRef": {"resource": "deployments", "subresource": "status"}}, "subresource", id="status"),
        pytest.param({"level": "Metadata", "responseObject": None}, "no_object", id="level Metadata"),
        pytest.param(
            {"annotations": {"audit.k8s.io/truncated": "true"}, "requestObject": None, "responseObject": None},
            "no_object",
            id="truncated by the API server",
        ),
        pytest.param({"responseObject": {"kind": "Status"}}, "no_object", id="an answer about it"),
        pytest.param({"responseObject": {"metadata": {"name": "web"}}}, "no_object", id="an object of no kind"),
        pytest.param(
            {"verb": "delete", "responseObject": None, "objectRef": {"resource": "widgets", "name": "a"}},
            "no_object",
            id="a deletion of an unknown kind",
        ),
        pytest.param({"stageTimestamp": "yesterday"}, "broken", id="no time"),
        pytest.param({"stageTimestamp": "0001-01-01T00:00:00+14:00"}, "broken", id="a time before all time"),
        pytest.param({"requestURI": "//["}, "broken", id="no path"),
        pytest.param({"auditID": ""}, "broken", id="no id"),
    ],
)
def test_what_tells_nothing_is_counted_by_its_reason(fields: dict[str, Any], reason: str) -> None:
    batch = read(event(**fields), event(0))
    assert {reason: 1} == batch.skipped
    assert len(batch.signals) == 1


def test_an_event_that_is_none_takes_no_other_with_it() -> None:
    batch = read(None, [], "x", event(), {"auditID": "a"})
    assert (len(batch.signals), batch.skipped) == (1, {"broken": 4})


def test_a_deletion_that_shows_the_object_has_its_kind() -> None:
    shown = {"kind": "Widget", "metadata": {"name": "a", "uid": "u-3"}}
    found = told(event(verb="delete", responseObject=shown, objectRef={"resource": "widgets", "name": "a"}))
    assert ("Widget", "u-3") == (found.kind, found.uid)


def test_an_object_that_cannot_be_read_is_named() -> None:
    text = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [event()]})
    (found,) = read_events(text.replace('"replicas": 2', '"replicas": 1e999').encode()).signals
    with pytest.raises(BadInput, match="the object cannot be read"):
        found.sighting("c1", RECEIVED, sight)


@pytest.mark.parametrize("items", [None, []])
def test_a_batch_may_be_empty(items: object) -> None:
    body = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).encode()
    assert read_events(body) == Batch((), {})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b"", "no EventList of audit.k8s.io/v1", id="empty"),
        pytest.param(b"[]", "Expected `object`, got `array`", id="a list"),
        pytest.param(b'{"kind":"Event","apiVersion":"audit.k8s.io/v1"}', "found 'Event'", id="one event"),
        pytest.param(b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1beta1"}', "v1beta1", id="an older version"),
        pytest.param(b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{]}', "malformed", id="no JSON"),
    ],
)
def test_what_is_no_batch_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_events(body)


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*at, key))


def _with(value: Any, at: tuple[str | int, ...], replacement: Any) -> Any:
    changed = deepcopy(value)
    holder = changed
    for step in at[:-1]:
        holder = holder[step]
    if replacement is DELETED:
        del holder[at[-1]]
    else:
        holder[at[-1]] = replacement
    return changed


@pytest.mark.parametrize("replacement", [DELETED, *WRONG], ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("index", [0, 2])
def test_whatever_is_missing_or_of_another_type_costs_one_event_at_most(index: int, replacement: Any) -> None:
    good, other = event(index), event(3)
    for place in _places(good):
        if place:
            batch = read(_with(good, place, replacement), other)
            assert batch.signals[-1].id == other["auditID"]
            for signal in batch.signals:
                with suppress(BadInput):
                    assert signal.sighting("c1", RECEIVED, sight).source == "audit"


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_events(body)
