"""What is to be installed where, and what is ordered for that, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.model.experiments import Experiment, Fault, Manifest, Problem
from shared.model.orders import Dispatched
from shared.model.projects import RUN_ON_PUSH, Cluster, Freeze, GitOps, Project, Safety, Window
from shared.model.schedules import Placed, Scheduled, Wanted
from shared.rules.routing import CLUSTERS
from shared.rules.schedules import Aim, Case, Standing, aim, due, settled, stand

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
CRON = Manifest("CronWorkflow", "nightly", faults=(Fault("pod-delete", "shop"),))
NIGHTLY = Experiment("n1", "n.yaml", "b1", "c1", "synced", "", "CronWorkflow", "nightly", manifest=CRON)
FREEZE = Freeze("sale", at="2026-03-04T11:00:00.000Z")
ONE, TWO = Cluster("one", "shop", "One", ""), Cluster("two", "shop", "Two", "")
THERE = Placed("o1", "install", 1, Wanted("b0", "c0"), "installed")
GOES, HALTS = Wanted("b1", "c1"), Wanted("b1", "c1", suspend=True)


def nightly(**changes: Any) -> Experiment:
    return msgspec.structs.replace(NIGHTLY, **changes)


def case(experiment: Experiment | None = NIGHTLY, **changes: Any) -> Case:
    """A project in mode enforce with cluster `one` and the accepted schedule, unless changed."""
    gitops = GitOps("url", "litmus/shop", mode="enforce")
    gitops = msgspec.structs.replace(gitops, **changes.pop("gitops", {}))
    project = Project("shop", "Shop", "", gitops, changes.pop("safety", Safety()), changes.pop("freeze", None))
    placed = changes.pop("placed", {})
    record = Scheduled(changes.pop("accepted", True), placed, changes.pop("approved", ""))
    return Case(project, experiment, record, changes.pop("clusters", (ONE,)), NOW)


def saying(**annotations: str) -> Experiment:
    named = {"push": RUN_ON_PUSH, "clusters": CLUSTERS}
    manifest = msgspec.structs.replace(CRON, annotations={named[key]: value for key, value in annotations.items()})
    return nightly(manifest=manifest)


def at_once(push: str | None = None) -> Experiment:
    notes = {RUN_ON_PUSH: push} if push else {}
    return nightly(kind="ChaosSchedule", manifest=Manifest("ChaosSchedule", "s", schedules=("now",), annotations=notes))


@pytest.mark.parametrize(
    ("given", "wanted", "rules"),
    [
        pytest.param(case(), {"one": GOES}, [], id="accepted, on the only cluster"),
        pytest.param(case(accepted=False), {}, ["acceptance"], id="not accepted"),
        pytest.param(case(gitops={"enabled": False}), {}, ["mode"], id="GitOps off"),
        pytest.param(case(None), {}, ["experiment"], id="its file is gone"),
        pytest.param(case(nightly(kind="Workflow")), {}, ["experiment"], id="it is no schedule any more"),
        pytest.param(case(nightly(commit="", state="pending")), {}, ["experiment"], id="not in git yet"),
        pytest.param(case(nightly(state="pending")), {"one": GOES}, [], id="an edit is on its way, git's text holds"),
        pytest.param(
            case(nightly(state="invalid", manifest=None, problem=Problem("x")), placed={"one": THERE}),
            {"one": Wanted("b0", "c0", suspend=True)},
            ["experiment"],
            id="broken: the last good text, suspended",
        ),
        pytest.param(
            case(nightly(state="pending", manifest=None), placed={"one": THERE}),
            {"one": Wanted("b0", "c0", suspend=True)},
            ["experiment"],
            id="broken, with an edit on its way",
        ),
        pytest.param(case(nightly(state="conflict")), {}, ["experiment"], id="in conflict, and nothing was installed"),
        pytest.param(case(clusters=(ONE, TWO)), {}, ["routing"], id="among several clusters none is guessed"),
        pytest.param(
            case(clusters=(ONE, TWO), placed={"one": THERE}), {"one": GOES}, ["routing"], id="it stays when others come"
        ),
        pytest.param(
            case(saying(clusters="two,far"), clusters=(ONE, TWO), placed={"one": THERE}),
            {"two": GOES},
            ["routing"],
            id="moved to where the file says",
        ),
        pytest.param(
            case(nightly(manifest=msgspec.structs.replace(CRON, infra_id="7f2e")), placed={"one": THERE}),
            {},
            ["routing"],
            id="for a cluster that is none of ours",
        ),
        pytest.param(
            case(
                nightly(manifest=msgspec.structs.replace(CRON, infra_id="7f2e")), gitops={"infra_ids": {"7f2e": "one"}}
            ),
            {"one": GOES},
            [],
            id="for a mapped one",
        ),
        pytest.param(case(gitops={"mode": "observe"}), {}, ["mode"], id="under observe nothing new"),
        pytest.param(
            case(gitops={"mode": "observe"}, placed={"one": THERE}), {"one": HALTS}, ["mode"], id="observe suspends"
        ),
        pytest.param(case(freeze=FREEZE), {"one": HALTS}, ["freeze"], id="the project is frozen"),
        pytest.param(
            case(saying(clusters="one,two"), clusters=(ONE, msgspec.structs.replace(TWO, freeze=FREEZE))),
            {"one": GOES, "two": HALTS},
            ["freeze"],
            id="one cluster is frozen",
        ),
        pytest.param(
            case(safety=Safety(windows=(Window("0 9 * * *", "1h"),))), {"one": HALTS}, ["windows"], id="out of windows"
        ),
        pytest.param(case(safety=Safety(windows=(Window("0 9 * * *", "8h"),))), {"one": GOES}, [], id="in a window"),
        pytest.param(
            case(safety=Safety(allowed_faults=("pod-io",)), freeze=FREEZE, placed={"one": THERE}),
            {},
            ["allowed faults"],
            id="a fault that is not allowed",
        ),
        pytest.param(
            case(safety=Safety(allowed_namespaces=("db",))), {}, ["allowed namespaces"], id="a namespace that is not"
        ),
        pytest.param(
            case(safety=Safety(approval_namespaces=("sh*",))), {}, ["approval"], id="a namespace that needs an approval"
        ),
        pytest.param(
            case(safety=Safety(approval_namespaces=("sh*",)), approved="b1"), {"one": GOES}, [], id="an approved text"
        ),
        pytest.param(
            case(safety=Safety(approval_namespaces=("sh*",)), approved="b0", placed={"one": THERE}),
            {"one": Wanted("b0", "c0", suspend=True)},
            ["approval"],
            id="a text that came after the approved one: what is there waits for a person",
        ),
        pytest.param(
            case(safety=Safety(approval_namespaces=("sh*",), allowed_faults=("pod-io",)), approved="b1"),
            {},
            ["allowed faults"],
            id="approved, and not allowed",
        ),
        pytest.param(case(at_once()), {}, ["run on push"], id="now, and a push runs nothing"),
        pytest.param(case(at_once("new")), {"one": GOES}, [], id="now, as the file says"),
        pytest.param(
            case(at_once(), gitops={"run_on_push": "changed"}), {"one": GOES}, [], id="now, as the project says"
        ),
        pytest.param(
            case(at_once("never"), gitops={"run_on_push": "changed"}),
            {},
            ["run on push"],
            id="now, and the file forbids",
        ),
        pytest.param(
            case(
                nightly(state="invalid", manifest=None, problem=Problem("x")),
                placed={"one": THERE},
                clusters=(msgspec.structs.replace(ONE, version=9, registration=THERE.version),),
            ),
            {"one": Wanted("b0", "c0", suspend=True)},
            ["experiment"],
            id="broken, on a cluster whose secrets were rotated",
        ),
        pytest.param(
            case(placed={"one": msgspec.structs.replace(THERE, version=7)}, gitops={"mode": "observe"}),
            {},
            ["mode"],
            id="what a former cluster of that name had",
        ),
    ],
)
def test_what_is_wanted(given: Case, wanted: dict[str, Wanted], rules: list[str]) -> None:
    found = aim(given)
    assert (wanted, rules) == (found.wanted, [refusal.rule for refusal in found.why])


def test_a_reason_does_not_change_while_time_goes_by() -> None:
    given = case(safety=Safety(windows=(Window("0 9 * * *", "1h"),)))
    later = msgspec.structs.replace(given, now=NOW.replace(minute=7))
    assert aim(given) == aim(later)


def order(state: str, created_at: str = "2026-03-04T11:30:00.000Z", reason: str = "", name: str = "o1") -> Dispatched:
    return Dispatched(name, "shop", "n1", "one", "install", created_at, "", state, reason=reason)  # type: ignore[arg-type]


OLD = "2026-03-04T10:30:00.000Z"
SAME = Placed("o1", "install", 1, GOES)
GONE = Placed("o1", "remove", 1)


@pytest.mark.parametrize(
    ("placed", "goal", "state", "created_at", "expected"),
    [
        pytest.param(None, GOES, None, OLD, ["install"], id="new"),
        pytest.param(None, None, None, OLD, [], id="nothing there and nothing wanted"),
        pytest.param(SAME, GOES, "done", OLD, [], id="as it should be"),
        pytest.param(SAME, GOES, "ready", OLD, [], id="on its way to a cluster that is away"),
        pytest.param(SAME, HALTS, "done", OLD, ["install"], id="to be suspended"),
        pytest.param(SAME, None, "done", OLD, ["remove"], id="to be removed"),
        pytest.param(GONE, None, "ready", OLD, [], id="being removed"),
        pytest.param(GONE, GOES, "ready", OLD, ["install"], id="wanted again before it was removed"),
        pytest.param(SAME, GOES, "refused", "2026-03-04T11:30:00.000Z", [], id="failed lately"),
        pytest.param(SAME, GOES, "refused", OLD, ["install"], id="failed an hour ago"),
        pytest.param(GONE, None, "refused", OLD, ["remove"], id="a removal that failed an hour ago"),
        pytest.param(SAME, GOES, "taken", OLD, ["install"], id="taken an hour ago, and not heard of"),
        pytest.param(SAME, GOES, None, OLD, ["install"], id="an order that is not known"),
    ],
)
def test_what_is_ordered(
    placed: Placed | None, goal: Wanted | None, state: str | None, created_at: str, expected: list[str]
) -> None:
    orders = {"o1": order(state, created_at)} if state else {}
    steps = due(case(), Aim({"one": goal} if goal else {}), {"one": placed} if placed else {}, orders)
    assert expected == [step.action for step in steps]
    assert [goal or Wanted()] * len(steps) == [step.wanted for step in steps]


@pytest.mark.parametrize(
    ("placed", "state", "kept", "lost"),
    [
        pytest.param(SAME, "ready", {"one": SAME}, (), id="under way"),
        pytest.param(SAME, "done", {"one": msgspec.structs.replace(SAME, standing="installed")}, (), id="installed"),
        pytest.param(
            msgspec.structs.replace(SAME, wanted=HALTS),
            "done",
            {"one": msgspec.structs.replace(SAME, wanted=HALTS, standing="suspended")},
            (),
            id="suspended",
        ),
        pytest.param(GONE, "done", {}, (), id="removed"),
        pytest.param(msgspec.structs.replace(SAME, version=7), "done", {}, ("one",), id="another cluster by now"),
        pytest.param(msgspec.structs.replace(GONE, version=7), "done", {}, (), id="removed before its cluster went"),
    ],
)
def test_what_has_come_of_an_order(placed: Placed, state: str, kept: dict[str, Placed], lost: tuple[str, ...]) -> None:
    assert (kept, lost) == settled(case(placed={"one": placed}), {"o1": order(state)})


def test_a_cluster_that_was_forgotten_is_named() -> None:
    assert ({}, ("gone",)) == settled(case(placed={"gone": SAME}), {})


@pytest.mark.parametrize(
    ("given", "placed", "state", "expected"),
    [
        pytest.param(case(None), {}, "done", Standing(), id="no experiment"),
        pytest.param(case(nightly(kind="Workflow")), {"one": THERE}, "done", Standing(), id="no schedule"),
        pytest.param(case(), {"one": THERE}, "done", Standing("installed"), id="installed"),
        pytest.param(
            case(),
            {"one": SAME},
            "ready",
            Standing("waiting", "ordered on cluster one, which has not answered"),
            id="ordered",
        ),
        pytest.param(
            case(),
            {"one": SAME},
            "refused",
            Standing("waiting", "cluster one: no CRD", failed=True),
            id="a cluster lacks something",
        ),
        pytest.param(
            case(),
            {"one": THERE},
            "refused",
            Standing("installed", "cluster one: no CRD", failed=True),
            id="not updated",
        ),
        pytest.param(
            case(freeze=FREEZE),
            {"one": msgspec.structs.replace(THERE, standing="suspended")},
            "done",
            Standing("suspended", "the project is frozen by owner since 2026-03-04T11:00:00.000Z: sale"),
            id="suspended, and why",
        ),
    ],
)
def test_how_a_schedule_is_shown(given: Case, placed: dict[str, Placed], state: str, expected: Standing) -> None:
    assert expected == stand(given, aim(given), placed, {"o1": order(state, reason="no CRD")})
