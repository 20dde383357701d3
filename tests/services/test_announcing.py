"""Sinks are told of what the ledger holds: at least once each, signed, in one trace, and beside everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.clients.opening import open_secrets
from shared.clients.sinks import HttpSinks
from shared.model.messages import Message
from shared.model.projects import Freeze, GitOps, Project, Safety, Sink
from shared.rules.tracing import traceparent
from shared.services.announcing import Announcing
from shared.services.tables import PROJECTS
from tests.services.dispatch_parts import Killed
from tests.services.dispatch_stage import Stage
from tests.services.watched import House, recorded
from tests.sinks import SECRET, SinkStand

LOOSE = Safety(cooldown="0s")
SOURCE = "https://portal.example.org/api/projects/shop"


@pytest.fixture
def sink(stage: Stage, tmp_path: Path) -> Iterator[SinkStand]:
    (tmp_path / "hook").write_text(SECRET)
    secrets, sinks = open_secrets(tmp_path), HttpSinks(allow_local=True, read=0.5)
    stage.clock.now = datetime.now(UTC)
    announcing = Announcing(stage.store, secrets, sinks, stage.clock, "https://portal.example.org", allow_local=True)
    stage.actions[("announce", "event")] = announcing.event
    stage.actions[("announce", "sink")] = announcing.sink
    with SinkStand().open() as stand:
        yield stand


def tell(stage: Stage, *sinks: Sink, safety: Safety = LOOSE, **fields: Any) -> None:
    stage.settle(safety, sinks=sinks, **fields)


def hook(sink: SinkStand, *events: str, **fields: Any) -> Sink:
    named = {"name": "chat", "url": sink.url, "events": events or ("*",), "kind": "webhook", "secret": "file:hook"}
    return Sink(**named | fields)


def reported(stage: Stage, run: str) -> None:
    stage.report(run, "completed", verdict="Pass")
    stage.pump()


def ran(stage: Stage) -> str:
    change = stage.change()
    stage.pump()
    reported(stage, stage.runs()[-1].id)
    return change


def test_a_completed_run_is_told_as_a_webhook_that_the_reference_library_verifies(
    stage: Stage, sink: SinkStand
) -> None:
    tell(stage, hook(sink, "run.completed"))
    change = ran(stage)
    [told] = sink.webhooks()
    [run], [row] = stage.runs(), stage.rows("run")
    assert ("run.completed", row.at) == (told["type"], told["timestamp"])
    assert ("shop", run.id, run.verdict, change) == (
        told["data"]["project"],
        told["data"]["run"]["id"],
        told["data"]["run"]["verdict"],
        told["data"]["run"]["change"],
    )
    assert ([row.id], "application/json") == (sink.ids(), sink.told[0][0]["content-type"])


def test_a_completed_run_is_told_as_a_cloud_event_that_the_reference_library_reads(
    stage: Stage, sink: SinkStand
) -> None:
    tell(stage, hook(sink, "run.*", kind="cloudevents", secret=None))
    ran(stage)
    [event], [row] = sink.events(), stage.rows("run")
    expected = {
        "specversion": "1.0",
        "id": row.id,
        "type": "org.litmuschaos.gitops.run.completed",
        "source": SOURCE,
        "subject": "kill",
        "datacontenttype": "application/json",
    }
    assert expected == {name: event[name] for name in expected}
    assert datetime.fromisoformat(row.at) == datetime.fromisoformat(event["time"])
    assert stage.runs()[0].id == event["data"]["run"]["id"]
    assert "webhook-signature" not in sink.told[0][0]


def test_one_trace_leads_from_the_change_to_the_sink(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "*", kind="cloudevents"))
    ran(stage)
    [event] = sink.events()
    order = next(iter(stage.subscriber.taken.values()))
    assert order.traceparent == event["traceparent"] == sink.told[0][0]["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", event["traceparent"])


def test_a_change_that_triggers_is_told_and_begins_the_trace(
    house: House, sink: SinkStand, stage: Stage, tmp_path: Path
) -> None:
    house.clock.now = stage.clock.now
    project = Project("shop", "Shop", "", GitOps("file:///r", "litmus/shop", mode="enforce"), LOOSE)
    project = msgspec.structs.replace(project, sinks=(hook(sink, "change.*"),))
    house.store.commit([PROJECTS.put(project, "shop")])
    house.admit(recorded("deployment-image"))
    sinks, secrets = HttpSinks(allow_local=True), open_secrets(tmp_path)
    announcing = Announcing(house.store, secrets, sinks, house.clock, "https://portal.example.org", allow_local=True)
    announcing.event(house.store.messages[-1])
    announcing.sink(house.store.messages[-1])
    [told], [row] = sink.webhooks(), house.rows()
    assert ("change.triggered", row.id, None) == (told["type"], told["data"]["id"], told["data"]["run"])
    trace = traceparent(row.id, "any order of it").split("-")[1]
    assert trace == sink.told[0][0]["traceparent"].split("-")[1]


@pytest.mark.parametrize(
    ("safety", "fields", "expected"),
    [
        pytest.param(LOOSE, {"freeze": Freeze("sale")}, ["order.refused", "run.skipped"], id="refused"),
        pytest.param(Safety(cooldown="0s", approval_namespaces=("*",)), {}, ["order.waiting"], id="waits"),
    ],
)
def test_what_is_refused_or_waits_for_a_person_is_told(
    stage: Stage, sink: SinkStand, safety: Safety, fields: dict[str, Any], expected: list[str]
) -> None:
    tell(stage, hook(sink), safety=safety, **fields)
    stage.change()
    stage.pump()
    assert expected == sorted(told["type"] for told in sink.webhooks())


def test_what_starts_no_order_is_told_in_the_trace_of_its_change(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "order.refused"))
    stage.experiment(state="invalid")
    change = stage.change()
    stage.pump()
    assert ["order.refused"] == [told["type"] for told in sink.webhooks()]
    [(headers, _)] = sink.told
    assert traceparent(change, "its order").split("-")[1] == headers["traceparent"].split("-")[1]


def test_a_scheduled_run_is_told_in_a_trace_of_its_own(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "run.*"))
    stage.report(None, "running", run="s-1", experiment="kill")
    stage.report(None, "completed", run="s-1", experiment="kill", verdict="Pass")
    stage.pump()
    [told] = sink.webhooks()
    assert ("s-1", "schedule") == (told["data"]["run"]["id"], told["data"]["run"]["cause"])
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", sink.told[0][0]["traceparent"])


def test_a_sink_in_trouble_is_told_again_under_the_same_id(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "run.*"))
    sink.statuses = [500, 302, 429, 410]
    ran(stage)
    stage.pump(600)
    assert (5, 1) == (len(sink.told), len(set(sink.ids())))
    assert 1 == len({body for _, body in sink.told})
    assert 0 == stage.queue.depth().dead


def test_a_sink_that_never_takes_it_is_a_dead_letter_that_tells_why_and_can_be_sent_again(
    stage: Stage, sink: SinkStand
) -> None:
    tell(stage, hook(sink, "run.*"))
    sink.statuses = [500] * 12
    ran(stage)
    stage.pump(3600)
    [letter] = stage.queue.dead()
    assert "sink chat of project shop answered 500" == letter.reason
    stage.queue.redrive(letter.message.id)
    stage.pump()
    assert (13, 0) == (len(sink.told), stage.queue.depth().dead)


def test_no_sink_holds_up_a_run_or_another_sink(stage: Stage, sink: SinkStand) -> None:
    away = hook(sink, name="away", url="http://127.0.0.1:9/in")
    tell(stage, away, hook(sink, name="unset", secret="file:none"), hook(sink, "run.*"))
    ran(stage)
    assert (["completed"], ["run.completed"]) == (
        [run.state for run in stage.runs()],
        [told["type"] for told in sink.webhooks()],
    )
    ran(stage)
    assert ["completed"] * 2 == [run.state for run in stage.runs()]


def test_while_a_secret_is_rotated_both_sign(stage: Stage, sink: SinkStand, tmp_path: Path) -> None:
    newer = "whsec_" + "QUJD" * 8
    (tmp_path / "hook").write_text(f"{newer} {SECRET}\n")
    tell(stage, hook(sink, "run.*"))
    ran(stage)
    assert sink.webhooks(newer) == sink.webhooks(SECRET)


def test_an_address_that_is_a_secret_is_read_when_it_is_used(stage: Stage, sink: SinkStand, tmp_path: Path) -> None:
    (tmp_path / "place").write_text(f"{sink.url}?token=s3cret")
    tell(stage, hook(sink, "run.*", url="file:place"))
    ran(stage)
    assert 1 == len(sink.webhooks())


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("lives", [0, 1])
def test_what_was_reported_is_told_whenever_a_process_dies(
    stage: Stage, sink: SinkStand, lives: int, early: bool
) -> None:
    tell(stage, hook(sink, "run.*"))
    stage.change()
    stage.pump()
    [run] = stage.runs()
    stage.store.lives, stage.store.early = lives, early
    with pytest.raises(Killed):
        reported(stage, run.id)
    stage.store.lives, stage.store.early = None, False
    reported(stage, run.id)
    assert 1 == len(set(sink.ids()))
    assert "run.completed" == sink.webhooks()[0]["type"]


def test_what_nobody_asks_for_is_no_message(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "change.*"))
    ran(stage)
    assert ([], []) == (sink.told, [one for one in stage.elsewhere if one.function == "announce"])


def test_a_sink_that_is_gone_meanwhile_is_not_told(stage: Stage, sink: SinkStand) -> None:
    tell(stage, hook(sink, "run.*"))
    sink.statuses = [500]
    ran(stage)
    stage.settle(LOOSE)
    stage.pump(600)
    assert (1, 0) == (len(sink.told), stage.queue.depth().dead)
    for action in ("event", "sink"):
        ids = {"project": "gone", "kind": "run", "verdict": "completed", "event": "e", "sink": "chat"}
        stage.actions[("announce", action)](Message("m", "announce", action, ids))
