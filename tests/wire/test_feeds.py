"""What the logs of managed clusters tell is what the API server's own webhook tells of the same writes."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.model.changes import Side, Sighting
from shared.rules.digests import side
from shared.wire import eks
from shared.wire.feeds import read_feed
from shared.wire.signals import Batch, Signal
from tests import feeds
from tests.feeds import FEEDS, FIREHOSE, PUSHED, fixture, lean
from tests.payloads import mutants

AUDIT = Path(__file__).parent.parent / "deliveries" / "audit"
RECEIVED = "2026-11-22T21:00:00.000Z"
WEB = ("Deployment", "default", "web")
WRITES = [("CREATE", *WEB), ("UPDATE", *WEB), ("UPDATE scale", *WEB), ("UPDATE", *WEB)]

CASES = [
    ("gke", "entry__create", WRITES[:1], {}),
    ("gke", "entry__patch_image", WRITES[1:2], {}),
    ("gke", "entry__patch_scale", WRITES[2:3], {}),
    ("gke", "entry__patch_env", WRITES[3:], {}),
    ("gke", "entry__delete", [("DELETE", *WEB)], {}),
    ("gke", "entry__generate_name", [("CREATE", "Deployment", "default", "web-x7k2p")], {}),
    ("gke", "entry__conflict", [], {"failed": 1}),
    ("gke", "entry__dry_run", [], {"dry_run": 1}),
    ("gke", "entry__status", [], {"subresource": 1}),
    ("gke", "entry__truncated", [], {"no_object": 1}),
    ("gke", "entry__configmap", [], {"no_object": 1}),
    ("gke", "entry__cluster_update", [], {"other": 1}),
    ("gke", "push__patch_image", WRITES[1:2], {}),
    ("gke", "cloudevent__patch_image", WRITES[1:2], {}),
    ("eks", "subscription__writes", WRITES, {}),
    ("eks", "subscription__delete_and_conflict", [("DELETE", *WEB)], {"failed": 1}),
    ("eks", "subscription__authenticator", [], {"other": 1}),
    ("eks", "subscription__control_message", [], {"other": 1}),
    ("eks", "subscription__cut_message", WRITES[3:], {"broken": 1}),
    ("eks", "subscription__metadata_level", [], {"no_object": 1}),
    ("eks", "lambda__writes", WRITES, {}),
    ("eks", "firehose__writes", WRITES, {}),
    ("aks", "eventhub__writes", WRITES, {}),
    ("aks", "eventhub__delete_and_conflict", [("DELETE", *WEB)], {"failed": 1}),
    ("aks", "eventhub__skipped_object", [], {"no_object": 1}),
    ("aks", "eventhub__guard", [], {"other": 1}),
    ("aks", "eventhub__received", [], {"stage": 1}),
    ("aks", "function__batch", WRITES[:3], {}),
]


def recorded(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((AUDIT / f"{name}.json").read_bytes())["items"]
    return items


def events() -> list[dict[str, Any]]:
    return [*recorded("create-image-scale-env"), *recorded("opt-out-and-in"), *recorded("delete-and-conflict")]


def delivered(name: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Return a fixture's body, inside what carries it, with its headers."""
    if name.startswith("entry__"):
        return {}, json.dumps({"message": {"data": b64encode(body).decode()}, "subscription": "s"}).encode()
    if name.startswith("subscription__"):
        return {}, json.dumps({"awslogs": {"data": b64encode(gzip.compress(body)).decode()}}).encode()
    return (FIREHOSE if name.startswith("firehose__") else {}), body


def read(body: Any, headers: Mapping[str, str] = {}) -> Batch:
    return read_feed(headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def of_entry(**changes: Any) -> Batch:
    """Read the entry of the image patch with other fields; those of the payload are named `payload`."""
    entry = fixture("gke", "entry__patch_image")
    entry["protoPayload"] |= changes.pop("payload", {})
    return read(feeds.push({**entry, **changes}))


def sight(obj: dict[str, Any]) -> Side:
    return side(obj, b"key")


def seen(signal: Signal) -> Sighting:
    return signal.sighting("c1", RECEIVED, sight)


def outcome(signal: Signal) -> tuple[str, str, str, str]:
    return f"{signal.operation}{' scale' * signal.scale}", signal.kind, signal.namespace, signal.name


@pytest.mark.parametrize(("cloud", "name", "told", "skipped"), CASES, ids=lambda value: str(value)[:32])
def test_each_delivery_is_read_as_what_it_says(
    cloud: str, name: str, told: list[tuple[str, ...]], skipped: dict[str, int]
) -> None:
    headers, body = delivered(name, json.dumps(fixture(cloud, name)).encode())
    batch = read_feed(headers, body)
    assert (told, skipped) == ([outcome(signal) for signal in batch.signals], batch.skipped)


def test_every_delivery_is_in_the_table() -> None:
    assert {(cloud, name) for cloud in ("gke", "eks", "aks") for name in feeds.names(cloud)} == {
        (cloud, name) for cloud, name, *_ in CASES
    }


def test_the_deliveries_that_tests_make_have_the_shapes_of_those_that_are_kept() -> None:
    writes = [lean(event) for event in recorded("create-image-scale-env")]
    assert fixture("gke", "entry__patch_scale") == feeds.entry(writes[2])
    assert fixture("gke", "entry__conflict") == feeds.entry(lean(recorded("delete-and-conflict")[2]))
    assert fixture("gke", "cloudevent__patch_image") == feeds.cloud_event(feeds.entry(writes[1]))
    assert fixture("eks", "subscription__writes") == feeds.subscription(map(feeds.logged, writes))
    assert fixture("aks", "eventhub__writes") == {"records": [feeds.record(event) for event in writes]}


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_tells_what_the_webhook_tells(feed: str) -> None:
    (_, listed), *_ = FEEDS["webhook"](events())
    wanted = read(listed)
    found = [read(body, headers) for headers, body in FEEDS[feed](events())]
    groups: dict[str, Any] = {"actor_groups": ()} if feed.startswith("gke") else {}
    signals = [signal for batch in found for signal in batch.signals]
    assert [_without(seen(one), **groups) for one in wanted.signals] == [seen(one) for one in signals]
    assert wanted.skipped == {"failed": sum(batch.skipped.get("failed", 0) for batch in found)}


def _without(sighting: Sighting, **others: Any) -> Sighting:
    return Sighting(**({name: getattr(sighting, name) for name in sighting.__struct_fields__} | others))


def test_an_object_is_taken_without_what_cloud_logging_writes_into_it() -> None:
    (signal,) = read(fixture("gke", "push__patch_image")).signals
    assert "@type" not in json.loads(bytes(signal.new or b""))
    assert seen(signal).new == sight(lean(recorded("create-image-scale-env")[1])["responseObject"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"insertId": "a"}, "a", id="its own"),
        pytest.param({"insertId": "", "operation": {"id": "b"}}, "b", id="its operation's"),
    ],
)
def test_an_entry_is_known_by_its_id(changes: dict[str, Any], expected: str) -> None:
    (signal,) = of_entry(**changes).signals
    assert expected == signal.id


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param({"principalEmail": "ada@example.com"}, "ada@example.com", id="by mail"),
        pytest.param({"principalSubject": "principal://pool/ada"}, "principal://pool/ada", id="federated"),
        pytest.param({}, "", id="redacted"),
    ],
)
def test_who_did_it_is_the_principal(who: dict[str, str], expected: str) -> None:
    (signal,) = of_entry(payload={"authenticationInfo": who}).signals
    assert expected == signal.actor


@pytest.mark.parametrize(
    ("resource", "method", "expected"),
    [
        ("apps/v1/namespaces/shop/deployments/web", "io.k8s.apps.v1.deployments.update", ("shop", "web")),
        ("argoproj.io/v1alpha1/namespaces/shop/rollouts/web", "io.argoproj.v1alpha1.rollouts.patch", ("shop", "web")),
        ("example.com/v1/widgets/big", "com.example.v1.widgets.patch", ("default", "big")),
        ("core/v1/namespaces/shop", "io.k8s.core.v1.namespaces.patch", ("default", "shop")),
        ("apps/v1/namespaces/shop/deployments", "io.k8s.apps.v1.deployments.create", ("shop", "web")),
        ("", "io.k8s.apps.v1.deployments.create", ("default", "web")),
    ],
)
def test_where_an_object_is_stands_in_the_resource_name(resource: str, method: str, expected: tuple[str, str]) -> None:
    (signal,) = of_entry(payload={"resourceName": resource, "methodName": method}).signals
    assert expected == (signal.namespace, signal.name)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"insertId": "", "operation": {}}, "broken", id="no id"),
        pytest.param({"insertId": "x" * 129}, "broken", id="an endless id"),
        pytest.param({"timestamp": "2026-11-22T20:39:16"}, "broken", id="a time of no zone"),
        pytest.param({"payload": {"resourceName": "apps/v1/namespaces/s\u0000/deployments/web"}}, "broken", id="a NUL"),
        pytest.param({"payload": {"response": "x"}}, "broken", id="a response of no shape"),
        pytest.param({"payload": {"response": {}}}, "no_object", id="an empty response"),
        pytest.param({"payload": {"response": {"kind": "Status", "status": "Failure"}}}, "failed", id="failed"),
        pytest.param({"payload": {"status": {"code": 7}, "response": None}}, "failed", id="forbidden"),
        pytest.param({"payload": {"methodName": "io.k8s.apps.v1.deployments.get"}}, "verb", id="a read"),
        pytest.param({"payload": {"methodName": "io.k8s.apps.v1.deployments.deletecollection"}}, "verb", id="many"),
        pytest.param(
            {
                "payload": {
                    "resourceName": "core/v1/namespaces/shop/finalize",
                    "methodName": "io.k8s.core.v1.namespaces.finalize.update",
                }
            },
            "subresource",
            id="a namespace's own subresource",
        ),
        pytest.param(
            {
                "payload": {
                    "methodName": "io.k8s.apps.v1.deployments.delete",
                    "request": {"@type": "meta.k8s.io/__internal.DeleteOptions", "dryRun": ["All"]},
                }
            },
            "dry_run",
            id="a dry deletion",
        ),
        pytest.param({"payload": {"@type": "type.googleapis.com/google.rpc.Status"}}, "other", id="another payload"),
        pytest.param({"protoPayload": {}}, "other", id="an empty payload"),
    ],
)
def test_an_entry_that_tells_nothing_is_counted_by_its_reason(changes: dict[str, Any], reason: str) -> None:
    batch = of_entry(**changes)
    assert ((), {reason: 1}) == (batch.signals, batch.skipped)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, {"message": {"data": "%%%"}, "subscription": "s"}, id="no base64"),
        pytest.param({}, {"message": {"data": "e30="}, "subscription": "s"}, id="no entry"),
        pytest.param({}, {"message": {}, "subscription": "s"}, id="an empty message"),
        pytest.param({}, {"message": 5}, id="no message"),
        pytest.param({}, {"subscription": "s"}, id="a message that is gone"),
        pytest.param({}, {"specversion": "1.0", "type": "x", "data": []}, id="another CloudEvent"),
        pytest.param(PUSHED, b"\xff", id="no JSON"),
    ],
)
def test_a_push_that_nobody_can_heal_is_counted_and_not_refused(headers: dict[str, str], body: Any) -> None:
    assert Batch((), {"broken": 1}) == read(body, headers)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, {"awslogs": 5}, id="no data"),
        pytest.param({}, {"awslogs": {"data": "%%%"}}, id="no base64"),
        pytest.param({}, {"awslogs": {"data": b64encode(b"\x1f\x8bxx").decode()}}, id="no gzip"),
        pytest.param({}, {"awslogs": {"data": b64encode(gzip.compress(b"[]")).decode()}}, id="no record"),
        pytest.param(FIREHOSE, {"records": 5}, id="no records"),
        pytest.param({}, {"records": 5}, id="no records of an Event Hub"),
        pytest.param({}, [5], id="no message of an Event Hub"),
        pytest.param({}, {"records": [{"category": "kube-audit", "properties": {"log": "{"}}]}, id="a cut line"),
    ],
)
def test_a_record_that_cannot_be_read_is_counted(headers: dict[str, str], body: Any) -> None:
    assert Batch((), {"broken": 1}) == read(body, headers)


def test_a_broken_record_takes_no_other_with_it() -> None:
    body = fixture("eks", "firehose__writes")
    body["records"].insert(0, {"data": "AAAA"})
    batch = read(body, FIREHOSE)
    assert (WRITES, {"broken": 1}) == ([outcome(signal) for signal in batch.signals], batch.skipped)


def test_firehose_may_have_decompressed_its_records() -> None:
    plain = json.dumps(fixture("eks", "subscription__writes")).encode()
    batch = read({"requestId": "r", "records": [{"data": b64encode(plain).decode()}]}, FIREHOSE)
    assert WRITES == [outcome(signal) for signal in batch.signals]


@pytest.mark.parametrize(
    ("padding", "packed"),
    [
        pytest.param((0, eks.ROOM, 0), (True, True, True), id="one alone"),
        pytest.param((eks.ROOM // 2, eks.ROOM // 2, 0), (True, True, True), id="all together"),
        pytest.param((eks.ROOM // 2, eks.ROOM // 2, 0), (True, False, True), id="all together, one plain"),
    ],
)
def test_records_expand_within_one_bound_and_what_is_beyond_is_counted(
    padding: tuple[int, ...], packed: tuple[bool, ...]
) -> None:
    record = json.dumps(fixture("eks", "subscription__writes")).encode()
    padded = [record + b" " * length for length in padding]
    records = [gzip.compress(one, 1) if small else one for one, small in zip(padded, packed, strict=True)]
    batch = read({"records": [{"data": b64encode(one).decode()} for one in records]}, FIREHOSE)
    assert (len(WRITES), {"too_large": 2}) == (len(batch.signals), batch.skipped)


def test_a_firehose_without_records_tells_nothing() -> None:
    assert Batch((), {}) == read({"requestId": "r"}, FIREHOSE)


@pytest.mark.parametrize("feed", [name for name in FEEDS if name != "webhook"])
@pytest.mark.parametrize(("name", "expected"), [("prod", 1), ("", 1), ("pro", 0)])
def test_with_a_name_only_that_cluster_is_heard(feed: str, name: str, expected: int) -> None:
    ((headers, body),) = FEEDS[feed](recorded("create-image-scale-env")[:1])
    batch = read_feed(headers, json.dumps(body).encode(), name)
    assert (expected, 1 - expected) == (len(batch.signals), batch.skipped.get("other", 0))


@pytest.mark.parametrize("cloud", ["eks", "eks-firehose", "aks", "aks-function", "aks-split", "webhook"])
def test_a_body_is_told_in_the_order_in_which_things_happened(cloud: str) -> None:
    ((headers, body),) = FEEDS[cloud](recorded("create-image-scale-env")[::-1])
    assert WRITES == [outcome(signal) for signal in read(body, headers).signals]


@pytest.mark.parametrize(
    ("cloud", "name"), [case[:2] for case in CASES], ids=[f"{cloud}-{name}" for cloud, name, *_ in CASES]
)
def test_a_delivery_with_a_field_wrong_is_taken_for_what_is_left_of_it(cloud: str, name: str) -> None:
    count = 0
    for what, mutant in mutants(fixture(cloud, name)):
        headers, body = delivered(name, mutant)
        if name.startswith(("cloudevent", "lambda", "eventhub")):
            with suppress(BadInput):
                _claim_sound(what, read_feed(headers, body))
        else:
            _claim_sound(what, read_feed(headers, body))
        count += 1
    assert count > 10


def test_a_record_of_azure_with_a_field_wrong_takes_no_other_with_it() -> None:
    inner = [found for found in mutants(fixture("aks", "eventhub__writes")) if found[0].startswith("/records/")]
    for what, body in inner:
        assert len(WRITES) - 1 <= len(read_feed({}, body).signals), what
    assert len(inner) > 40


@pytest.mark.parametrize("line", ["", "x", "{}", '{"auditID": 1}', "\u0000", "[" * 2000])
def test_a_line_that_is_no_event_takes_no_other_with_it(line: str) -> None:
    record = fixture("eks", "subscription__writes")
    record["logEvents"][1]["message"] = line
    batch = read(feeds.awslogs(record))
    assert (3, {"broken": 1}) == (len(batch.signals), batch.skipped)


def test_a_record_of_millions_of_nothing_is_one_broken_record() -> None:
    record = json.dumps(feeds.subscription([])).replace('"logEvents": []', f'"logEvents": [{"0," * 1_000_000}0]')
    packet = b64encode(gzip.compress(record.encode(), 1)).decode()
    assert Batch((), {"broken": 1}) == read({"awslogs": {"data": packet}})


def _claim_sound(what: str, batch: Batch) -> None:
    for signal in batch.signals:
        assert "audit" == seen(signal).source, what
        assert isinstance(signal.id, str), what
    assert all(number > 0 for number in batch.skipped.values()), what


@pytest.mark.parametrize("body", [b"", b"5", b"{}", b'{"kind": "List"}', b"\xff"])
def test_what_is_no_feed_at_all_is_refused_as_no_event_list(body: bytes) -> None:
    with pytest.raises(BadInput, match=r"no EventList of audit\.k8s\.io/v1"):
        read(body)


@given(st.binary(max_size=60), st.sampled_from(["entry__", "subscription__"]))
def test_no_bytes_inside_make_it_fail(inside: bytes, carrier: str) -> None:
    assert () == read_feed(*delivered(carrier, inside)).signals
