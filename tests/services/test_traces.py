"""A caller's trace goes on through all that the call causes: change, push or person; order, report and event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import open_secrets
from shared.clients.sinks import HttpSinks
from shared.edge.metrics import Metrics
from shared.model.calls import Call
from shared.model.heartbeats import Heartbeat
from shared.model.projects import Safety, Sink
from shared.rules.keys import subscriber_key
from shared.services.announcing import Announcing
from shared.services.api.desk import Desk
from shared.services.api.runs import Runs
from shared.services.dirt import dirty
from shared.services.heartbeats import Heartbeats
from shared.services.ledger import stamp
from shared.services.pushes import Pushes
from shared.services.reporting import Reporting
from shared.services.tables import EVENTS, PUSHED
from shared.wire.reports import write_heartbeat
from shared.wire.standard_webhooks import sign
from tests.hosts import SECRET, fixture
from tests.services.api.conftest import client
from tests.services.chaos_cluster import ChaosCluster, order, send
from tests.services.chaos_manifests import cron, engine
from tests.services.dispatch_stage import Stage
from tests.services.gitops import Shop
from tests.services.gitops import engine as manifest
from tests.services.inside import inside_of
from tests.services.watched import MASTER, House, batch, fields, recorded
from tests.sinks import SinkStand

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = f"00-{'ab' * 16}-{'cd' * 8}-01"
BROKEN = GIVEN.upper()


@pytest.fixture
def sink(stage: Stage, tmp_path: Path) -> Iterator[SinkStand]:
    stage.clock.now = datetime.now(UTC)
    secrets, sinks = open_secrets(tmp_path), HttpSinks(allow_local=True, read=0.5)
    announcing = Announcing(stage.store, secrets, sinks, stage.clock, "https://portal.example.org", allow_local=True)
    stage.actions[("announce", "event")] = announcing.event
    stage.actions[("announce", "sink")] = announcing.sink
    with SinkStand().open() as stand:
        stage.settle(Safety(cooldown="0s"), sinks=(Sink("chat", stand.url, ("*",), "cloudevents"),))
        yield stand


def traces(*contexts: str) -> set[str]:
    return {context.split("-")[1] for context in contexts}


@pytest.mark.parametrize(("header", "expected"), [(GIVEN, GIVEN), (BROKEN, None)], ids=["valid", "invalid"])
def test_a_review_brings_its_trace_into_the_ledger(house: House, header: str, expected: str | None) -> None:
    house.admit(recorded("deployment-image"), headers={"traceparent": header})
    [row] = house.rows()
    assert ("triggered", expected) == (row.verdict, fields(row).get("traceparent"))


def test_a_review_inside_the_cluster_does_too_though_its_subscriber_forwards_it(house: House) -> None:
    with inside_of(house) as inside:
        inside.admit(recorded("deployment-image"), traceparent=GIVEN)
        inside.forwarding.flush()
    [row] = house.rows()
    assert ("triggered", GIVEN) == (row.verdict, fields(row)["traceparent"])


@pytest.mark.parametrize(("header", "expected"), [(GIVEN, GIVEN), (BROKEN, None)], ids=["valid", "invalid"])
def test_a_batch_of_audit_events_does_for_each_that_it_tells_of(
    house: House, header: str, expected: str | None
) -> None:
    house.hear(batch(), headers={"traceparent": header})
    assert [expected] * 4 == [fields(row).get("traceparent") for row in house.rows()]


@pytest.mark.parametrize(("given", "expected"), [("", GIVEN), (OTHER, OTHER)], ids=["not traced", "traced"])
def test_a_sighting_has_the_trace_of_its_letter_unless_it_has_its_own(house: House, given: str, expected: str) -> None:
    shown = {"id": "1", "at": stamp(house.clock), "object": recorded("deployment-image")["request"]["object"]}
    call = letter(house, "changes", json.dumps({"sightings": [shown | {"traceparent": given}]}).encode())
    assert {"outcomes": ["ignored"]} == heartbeats(house).receive(call).body
    assert [expected] == [fields(row)["traceparent"] for row in house.rows()]


def test_a_heartbeat_does_for_what_its_list_tells(house: House) -> None:
    house.admit(recorded("deployment-image"))
    house.clock.advance(600)
    reporting = Reporting(house.store, house.clock, new_id, MASTER, heartbeats(house))
    reporting.receive(letter(house, "reports", write_heartbeat(Heartbeat(stamp(house.clock), listed=("Deployment",)))))
    assert [None, GIVEN] == [fields(row).get("traceparent") for row in house.rows()]
    assert "deleted" == fields(house.rows()[-1])["rule"]


def heartbeats(house: House) -> Heartbeats:
    return Heartbeats(house.watch, house.turns, house.count)


def letter(house: House, path: str, sent: bytes) -> Call:
    """Return what the subscriber of cluster c1 sends, in a trace."""
    headers = sign(subscriber_key(MASTER, "c1", 1), "m-1", int(house.clock().timestamp()), sent)
    return Call("POST", f"/{path}/c1", {"cluster": "c1"}, {}, {**headers, "traceparent": GIVEN}, sent)


def test_a_change_s_trace_goes_on_in_its_order_the_stop_of_it_and_all_that_is_told(
    stage: Stage, sink: SinkStand
) -> None:
    change = stage.change()
    row = EVENTS.load(stage.store, "shop", "change", change)
    assert row
    row.value.detail["traceparent"] = GIVEN
    stage.store.store.commit([EVENTS.replace(row, row.value)])
    stage.pump()
    [run] = stage.runs()
    stage.report(run.id, "running")
    stage.dispatching.stop("shop", run.id)
    stage.pump()
    stage.report(run.id, "stopped")
    stage.pump()
    sent = [one.traceparent for one in stage.orders()]
    assert (2, {TRACE}) == (len(set(sent)), traces(*sent))
    assert sent == [one["traceparent"] for one in stage.subscriber.headers]
    assert {TRACE} == traces(*(event["traceparent"] for event in sink.events()))


@pytest.mark.parametrize(("header", "kept"), [(GIVEN, True), (BROKEN, False)], ids=["valid", "invalid"])
def test_a_person_s_call_brings_its_trace_into_the_order(stage: Stage, header: str, kept: bool) -> None:
    desk = Desk(stage.store, stage.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    api = client(Runs(desk, stage.dispatching).operations())
    assert 202 == api("POST", "/projects/shop/experiments/kill/runs", {}, traceparent=header).status
    assert kept == (traces(stage.orders()[0].traceparent) == {TRACE})


def test_a_delivery_brings_its_trace_into_what_its_push_starts_and_into_nothing_later(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "hook").write_text(SECRET)
    shop.configure(run_on_push="changed", webhook_secrets=("file:hook",))
    shop.write(other=manifest("other", "other"))
    shop.push()
    shop.work()
    pushes = Pushes(shop.store, open_secrets(tmp_path), shop.clock, new_id, Metrics().count)
    push = fixture("github/push__branch")
    headers = {name.lower(): value for name, value in push.headers("d-1", SECRET).items()}
    shop.write(cart=manifest("cart", "cart"))
    shop.person.push()
    call = Call("POST", "/git/shop", {"project": "shop"}, {}, headers | {"traceparent": GIVEN}, push.body)
    assert pushes.receive(call).status == 202
    shop.store.commit(*dirty(shop.store, new_id, "shop"))
    shop.work()
    shop.write(cart=manifest("cart", "cart", "other"))
    shop.push()
    shop.work()
    assert [GIVEN, ""] == [started(shop, number) for number in (0, 1)]


def started(shop: Shop, number: int) -> str:
    ids = shop.started[number].ids
    found = PUSHED.load(shop.store, "shop", f"{ids['experiment']}/{ids['blob']}/{ids['commit']}")
    assert found
    return found.value.traceparent


def test_a_push_s_trace_goes_on_in_its_order(stage: Stage) -> None:
    stage.settle(Safety(), gitops={"run_on_push": "changed"})
    asked = stage.pushed()
    key = "/".join(asked.ids[name] for name in ("experiment", "blob", "commit"))
    was = PUSHED.load(stage.store, "shop", key)
    assert was
    now = type(was.value)(was.value.id, was.value.at, traceparent=GIVEN)
    stage.store.store.commit([PUSHED.replace(was, now)])
    stage.pump()
    assert {TRACE} == traces(stage.orders()[0].traceparent)


def test_a_subscriber_reports_in_the_trace_of_the_order(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    traced = order("run", manifest=engine(cluster.namespace), traceparent=GIVEN)
    astray = order("install", manifest=cron(cluster.namespace), traceparent="x\r\ny: z")
    for sent in (traced, astray):
        send(subscriber, sent)
        cluster.portal.last(sent.order, "completed")
    spans = [trace for run, trace in cluster.portal.traces if run == traced.order]
    assert (True, {TRACE}) == (len(set(spans)) > 1, traces(*spans))
    [other, *_] = [trace for run, trace in cluster.portal.traces if run == astray.order]
    assert traces(other) != {TRACE}
