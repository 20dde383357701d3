"""Schedules follow git, the settings and people's word: each cluster is ordered what makes it so, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict, NotFound
from shared.model.experiments import Manifest, Problem
from shared.model.projects import RUN_ON_PUSH, Former, Freeze, Safety, Window
from shared.rules.composing import NEVER
from shared.rules.routing import CLUSTERS
from shared.services.accepting import rescheduled
from shared.services.ledger import message
from shared.services.scheduling import Scheduling
from tests.services.dispatch_parts import Overtaken
from tests.services.dispatch_stage import Stage
from tests.services.scheduled import CRON, SAFE, Yard

FREEZE = Freeze("sale", at="2026-03-04T11:00:00.000Z")


@pytest.fixture
def yard(stage: Stage) -> Yard:
    return Yard(stage)


def on(*clusters: str) -> Manifest:
    return msgspec.structs.replace(CRON, annotations={CLUSTERS: ",".join(clusters)})


def test_a_pushed_schedule_is_installed_at_once_and_shown_when_its_cluster_says_so(yard: Yard) -> None:
    yard.file()
    yard.pump()
    assert ("waiting", "ordered on cluster c1, which has not answered") == yard.seen()
    [sent] = yard.stage.subscriber.taken.values()
    assert ("install", "one", NEVER, False, "c1") == (
        sent.action,
        sent.manifest,
        sent.not_after,
        sent.parameters["suspend"],
        sent.parameters["infra_id"],
    )
    yard.done()
    assert (("installed", None), ["+"], []) == (yard.seen(), yard.told(), yard.stage.open())


def test_a_schedule_in_a_namespace_that_needs_it_waits_for_a_persons_approval_of_that_very_text(yard: Yard) -> None:
    yard.settle(Safety(cooldown="0s", approval_namespaces=("sh*",)))
    yard.file()
    yard.done()
    word = "litmus-gitops experiment schedule n1 -p shop --accept"
    assert ([], ("waiting", f"namespace shop needs a person's approval: {word}")) == (yard.told(), yard.seen())
    yard.accepting.accept("shop", "n1", "Ada <ada@example.com>", "the on-call knows", accept=True)
    yard.done()
    assert (["+"], ("installed", None)) == (yard.told(), yard.seen())
    said = [row.reason for row in yard.stage.rows("order") if row.verdict == "approved"]
    assert ["Ada <ada@example.com> approved the schedule of n1: the on-call knows"] == said
    yard.file(text="two")
    yard.done()
    assert (["+", "="], "suspended") == (yard.told(), yard.seen()[0])
    assert yard.orders()[0].blob == yard.orders()[1].blob
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    assert (["+", "=", "+"], yard.shown().blob) == (yard.told(), yard.orders()[-1].blob)
    yard.accepting.accept("shop", "n1", "owner", accept=False)
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    assert "+" == yard.told()[-1]


def test_a_namespace_that_comes_to_need_approval_suspends_what_is_there_until_someone_gives_it(yard: Yard) -> None:
    yard.installed()
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.settle(Safety(cooldown="0s", approval_namespaces=("shop",)))
    yard.done()
    assert (["+", "="], "suspended") == (yard.told(), yard.seen()[0])
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    assert (["+", "=", "+"], "installed") == (yard.told(), yard.seen()[0])


def test_turning_gitops_off_takes_an_approval_back(yard: Yard) -> None:
    approving = Safety(cooldown="0s", approval_namespaces=("shop",))
    yard.settle(approving)
    yard.file()
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    yard.settle(approving, gitops={"enabled": False})
    yard.done()
    yard.settle(approving)
    yard.done()
    assert ("waiting", ["+", "-"]) == (yard.seen()[0], yard.told())
    found = yard.record()
    assert found is None or not (found.accepted or found.approved)


def test_what_enabling_finds_waits_for_a_person(yard: Yard) -> None:
    yard.file(importing=True)
    yard.pump()
    schedule, reason = yard.seen()
    assert ("waiting", "litmus-gitops experiment schedule n1 -p shop --accept") == (schedule, str(reason)[-53:])
    assert [("waiting", reason)] == [(row.verdict, row.reason) for row in yard.stage.rows("order")]
    yard.file(text="two")
    yard.done()
    assert [] == yard.told()
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    assert (["+"], "installed") == (yard.told(), yard.seen()[0])
    assert ["waiting", "accepted"] == yard.stage.verdicts()[:2]


def test_what_is_declined_is_removed_and_stays_so(yard: Yard) -> None:
    yard.installed()
    yard.accepting.accept("shop", "n1", "owner", accept=False)
    yard.done()
    yard.file(text="two")
    yard.done()
    assert (["+", "-"], "waiting") == (yard.told(), yard.seen()[0])


def test_only_a_schedule_can_be_accepted(yard: Yard) -> None:
    with pytest.raises(Conflict, match="is a Workflow: only CronWorkflows and ChaosSchedules have a schedule"):
        yard.accepting.accept("shop", "kill", "owner", accept=True)
    with pytest.raises(NotFound):
        yard.accepting.accept("shop", "nobody", "owner", accept=True)


def test_a_changed_file_is_installed_over_the_old_one_and_a_renamed_one_is_left_alone(yard: Yard) -> None:
    yard.installed()
    yard.file(text="two")
    yard.pump()
    assert ("installed", None) == yard.seen()
    yard.done()
    yard.file(text="two", path="litmus/shop/other.yaml")
    yard.done()
    assert (["+", "+"], yard.shown().blob) == (yard.told(), yard.orders()[-1].blob)


def test_a_deleted_file_is_removed_and_nothing_is_remembered_of_it(yard: Yard) -> None:
    yard.installed()
    yard.gone()
    yard.done()
    assert (["+", "-"], None) == (yard.told(), yard.record())


def test_a_file_that_returns_before_it_was_removed_is_installed_again(yard: Yard) -> None:
    yard.installed()
    yard.gone()
    yard.pump()
    yard.file()
    yard.done()
    assert (["+", "-", "+"], "installed") == (yard.told(), yard.seen()[0])


def test_a_file_that_is_no_schedule_any_more_is_removed(yard: Yard) -> None:
    yard.installed()
    yard.file(kind="Workflow", schedule=None, manifest=Manifest("Workflow", "n1"))
    yard.done()
    assert (["+", "-"], (None, None)) == (yard.told(), yard.seen())


def test_a_schedule_moves_with_its_file_s_word_from_cluster_to_cluster(yard: Yard) -> None:
    yard.stage.cluster("c2")
    yard.file(manifest=on("c1"))
    yard.done()
    yard.file(text="two", manifest=on("c2"))
    yard.done()
    yard.done("c2")
    assert (["+", "-"], ["+"], "installed") == (yard.told(), yard.told("c2"), yard.seen()[0])


def test_a_second_cluster_leaves_it_where_it_is(yard: Yard) -> None:
    yard.installed()
    yard.join("c2")
    yard.done()
    assert (["+"], [], "installed") == (yard.told(), yard.told("c2"), yard.seen()[0])
    assert "name one of the project's (c1, c2)" in str(yard.seen()[1])


def test_a_forgotten_cluster_is_named_since_nobody_can_clean_up_there(yard: Yard) -> None:
    yard.installed()
    yard.leave("c1")
    yard.pump()
    lost = [row.reason for row in yard.stage.rows("order") if row.verdict == "lost"]
    assert ["forgotten: c1; what was installed there is for somebody there to remove"] == lost
    yard.join("c1", yard.stage.subscriber.url, version=2)
    yard.pump()
    assert (["+", "+"], "waiting") == (yard.told(), yard.seen()[0])


def test_turning_gitops_off_removes_it_and_turning_it_on_waits_again(yard: Yard) -> None:
    yard.installed()
    yard.settle(gitops={"enabled": False})
    yard.done()
    assert (["+", "-"], ("waiting", "GitOps is off for the project")) == (yard.told(), yard.seen())
    yard.settle()
    yard.done()
    assert ["+", "-"] == yard.told()
    assert "until someone accepts it" in str(yard.seen()[1])


def test_a_broken_file_suspends_the_last_good_text_until_it_is_mended_or_gone(yard: Yard) -> None:
    yard.installed()
    good = yard.shown().blob
    yard.file(text="\t", state="invalid", manifest=None, problem=Problem("a tab", 1))
    yard.done()
    assert (["+", "="], good, "suspended") == (yard.told(), yard.orders()[-1].blob, yard.seen()[0])
    assert "litmus/shop/n1.yaml is invalid: a tab" == yard.seen()[1]
    yard.file(text="two")
    yard.done()
    assert (["+", "=", "+"], ("installed", None)) == (yard.told(), yard.seen())


def test_a_broken_file_that_was_never_good_installs_nothing(yard: Yard) -> None:
    yard.file(text="\t", kind="", state="invalid", manifest=None, schedule=None)
    yard.done()
    yard.file(text="two")
    yard.done()
    assert (["+"], "installed") == (yard.told(), yard.seen()[0])


@pytest.mark.parametrize("whole", [pytest.param(True, id="project"), pytest.param(False, id="cluster")])
def test_a_freeze_suspends_what_is_installed_and_lets_it_go_on_when_it_is_lifted(yard: Yard, whole: bool) -> None:
    def freeze(what: Freeze | None) -> None:
        yard.settle(freeze=what) if whole else yard.join("c1", yard.stage.subscriber.url, freeze=what)

    yard.installed()
    freeze(FREEZE)
    yard.done()
    assert ("suspended", True) == (yard.seen()[0], "is frozen by owner" in str(yard.seen()[1]))
    assert 1 == len([row for row in yard.stage.rows("order") if row.reason == yard.seen()[1]])
    freeze(None)
    yard.done()
    assert (["+", "=", "+"], ("installed", None)) == (yard.told(), yard.seen())


def test_a_schedule_that_is_pushed_under_a_freeze_is_installed_suspended(yard: Yard) -> None:
    yard.settle(freeze=FREEZE)
    yard.installed()
    assert (["="], "suspended") == (yard.told(), yard.seen()[0])


def test_a_freeze_that_comes_while_it_is_decided_is_heeded(yard: Yard) -> None:
    yard.file()
    store = Overtaken(yard.stage.store.store, lambda: yard.stage.settle(SAFE, freeze=FREEZE))
    Scheduling(store, yard.stage.clock, new_id).look(rescheduled(new_id, "shop", "n1"))
    assert ["="] == yard.told()


@pytest.mark.parametrize(
    ("changes", "rule", "told"),
    [
        pytest.param({"freeze": FREEZE}, "freeze", ["+", "="], id="a freeze"),
        pytest.param({"gitops": {"mode": "observe"}}, "mode", ["+", "="], id="observe"),
        pytest.param({"gitops": {"enabled": False}}, "mode", ["+", "-"], id="off"),
    ],
)
def test_an_order_that_waited_when_chaos_was_forbidden_does_not_go_out(
    yard: Yard, changes: dict[str, Any], rule: str, told: list[str]
) -> None:
    yard.file()
    yard.stage.dispatching.schedule(rescheduled(new_id, "shop", "n1"))
    yard.stage.settle(SAFE, **changes)
    [order] = yard.orders()
    yard.stage.delivering.order(message(new_id, "dispatch", "order", cluster="c1", order=order.id))
    assert ({}, "waiting", rule) == (yard.stage.subscriber.taken, yard.orders()[0].state, yard.orders()[0].rule)
    yard.done()
    assert (told, ["superseded", "done"]) == (yard.told(), [one.state for one in yard.orders()])


def test_windows_suspend_it_outside_of_them(yard: Yard) -> None:
    window = Window(f"{yard.stage.clock().minute} {yard.stage.clock().hour} * * *", "1h")
    yard.settle(Safety(windows=(window,)))
    yard.installed()
    for hours in (2, 22):
        yard.pump(hours * 3600)
        yard.tell()
        yard.done()
    assert (["+", "=", "+"], ("installed", None)) == (yard.told(), yard.seen())


def test_under_observe_it_is_said_what_would_be_installed(yard: Yard) -> None:
    yard.settle(gitops={"mode": "observe"})
    yard.file()
    yard.pump()
    yard.tell()
    yard.pump()
    assert ("waiting", "it would be installed on cluster c1; the project observes") == yard.seen()
    assert (1, []) == (len(yard.stage.rows("order")), yard.told())
    yard.settle()
    yard.done()
    yard.settle(gitops={"mode": "observe"})
    yard.done()
    assert (["+", "="], "suspended") == (yard.told(), yard.seen()[0])


def test_what_a_cluster_lacks_is_shown_tried_again_in_an_hour_and_at_once_when_accepted_again(yard: Yard) -> None:
    yard.file()
    yard.done(state="skipped", message="not installed: no chaos scheduler is running")
    assert ("waiting", "cluster c1: not installed: no chaos scheduler is running") == yard.seen()
    assert yard.shown().schedule_failed
    for minutes, orders in ((30, 1), (31, 2)):
        yard.pump(minutes * 60)
        yard.tell()
        yard.pump()
        assert orders == len(yard.told())
    yard.done(state="skipped", message="still none")
    yard.accepting.accept("shop", "n1", "owner", accept=True)
    yard.done()
    assert (["+", "+", "+"], ("installed", None), False) == (yard.told(), yard.seen(), yard.shown().schedule_failed)


def test_what_its_subscriber_refuses_is_shown(yard: Yard) -> None:
    yard.stage.subscriber.status = 409
    yard.file()
    yard.pump()
    assert ("waiting", "cluster c1: its subscriber refused it: not today") == yard.seen()


def test_a_cluster_that_was_away_for_days_gets_what_counts_by_then_in_order(yard: Yard) -> None:
    yard.stage.cluster("c1")
    yard.file()
    yard.file("n2")
    for text in ("two", "three"):
        yard.pump(86_400)
        yard.file(text=text)
    yard.settle(freeze=FREEZE)
    yard.pump(86_400)
    sent = [(one.experiment, one.manifest, one.parameters["suspend"]) for one in yard.stage.poll()]
    assert [("n1", "three", True), ("n2", "one", True)] == sent
    yard.done()
    assert ("suspended", "suspended") == (yard.seen()[0], yard.seen("n2")[0])


def test_a_chaos_schedule_that_starts_now_obeys_run_on_push(yard: Yard) -> None:
    def at_once(text: str, **annotations: str) -> None:
        manifest = Manifest("ChaosSchedule", "s", annotations=annotations, schedules=("now",))
        yard.file(text=text, kind="ChaosSchedule", manifest=manifest)
        yard.done()

    at_once("one")
    reason = "it would start the moment it is installed, and run_on_push is never: say new or changed"
    assert ([], ("waiting", reason)) == (yard.told(), yard.seen())
    at_once("two", **{RUN_ON_PUSH: "new"})
    assert (["+"], "installed") == (yard.told(), yard.seen()[0])


def test_more_clusters_than_one_commit_takes_all_get_theirs(yard: Yard) -> None:
    names = [f"d{number:02}" for number in range(19)]
    for name in names:
        yard.stage.cluster(name)
    yard.file(manifest=on(*names))
    yard.pump()
    assert [["+"]] * 19 == [yard.told(name) for name in names]


def everything(yard: Yard) -> tuple[Any, ...]:
    return yard.seen(), yard.record(), yard.orders(), len(yard.stage.rows("order"))


def test_messages_that_come_again_change_nothing(yard: Yard) -> None:
    yard.installed()
    before, commits = everything(yard), yard.stage.store.commits
    for one in (rescheduled(new_id, "shop"), rescheduled(new_id, "shop", "n1"), rescheduled(new_id, "shop", "nobody")):
        yard.stage.dispatching.schedule(one)
    yard.stage.dispatching.schedule(rescheduled(new_id, "another", "n1"))
    assert (before, commits) == (everything(yard), yard.stage.store.commits)


def test_a_trigger_runs_the_template_of_an_installed_schedule_once(yard: Yard) -> None:
    yard.installed()
    yard.stage.change("n1")
    yard.pump()
    assert [("c1", "queued")] == yard.stage.states()
    assert ["install", "run"] == [one.action for one in yard.stage.subscriber.taken.values()]


def test_a_rotation_of_its_clusters_secrets_orders_nothing_anew(yard: Yard) -> None:
    yard.installed()
    grace = (Former(1, "2199-01-01T00:00:00.000Z"),)
    yard.join("c1", yard.stage.subscriber.url, version=2, registration=1, former=grace)
    yard.done()
    assert (["+"], ("installed", None)) == (yard.told(), yard.seen())
    yard.file(text="two")
    yard.done()
    yard.join("c1", yard.stage.subscriber.url, version=3, registration=1, former=grace)
    yard.done()
    assert (["+", "+"], ("installed", None)) == (yard.told(), yard.seen())
