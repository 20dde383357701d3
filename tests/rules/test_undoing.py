from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.changes import Change, Harm, Side, Tracked
from shared.model.runs import Active
from shared.rules import sides
from shared.rules.undoing import LIMIT, harmed, healed, maker, undone
from tests.rules.sights import WEB, deployment

RUN = Active("r1", "shop", "kill", "running", workload=WEB.subject, service_accounts=("argo-chaos",))
CHAOS = "system:serviceaccount:litmus:argo-chaos"
SCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"


def change(old: Side | None, new: Side, actor: str = CHAOS, **fields: Any) -> Change:
    moved = sides.changed(old, new)
    return Change(WEB, "admission", "UPDATE", actor, "2026-11-22T20:00:00.000Z", new, old, moved, **fields)


V1, V2, V3 = (deployment(f"web:{n}") for n in (1, 2, 3))
SCALED = deployment("web:1", replicas=1)
NONE = Tracked(WEB)


@pytest.mark.parametrize(
    ("made", "run", "expected"),
    [
        pytest.param(change(V1, V2), RUN, "r1", id="by its account"),
        pytest.param(
            change(V1, V2), msgspec.structs.replace(RUN, workload="Deployment/x/y"), "r1", id="of any workload"
        ),
        pytest.param(change(V1, V2, "system:serviceaccount:x:argo-cd"), RUN, "", id="by another account"),
        pytest.param(change(V1, V2, "argo-chaos"), RUN, "", id="by a person of its name"),
        pytest.param(change(V1, V2, ""), RUN, "r1", id="by nobody named, under the run"),
        pytest.param(change(V1, V2, ""), msgspec.structs.replace(RUN, state="waiting"), "", id="before it began"),
        pytest.param(change(V1, V2, ""), msgspec.structs.replace(RUN, workload=None), "", id="under another run"),
        pytest.param(change(V1, SCALED, "", autoscaled=True), RUN, "", id="by the autoscaler, which is not named"),
        pytest.param(change(V1, V2, SCALER), msgspec.structs.replace(RUN, service_accounts=()), "", id="autoscaler"),
        pytest.param(change(None, V2), RUN, "", id="a creation"),
    ],
)
def test_chaos_makes_changes_by_its_accounts_or_unnamed_while_it_runs(made: Change, run: Active, expected: str) -> None:
    assert expected == maker(made, (run,))


@pytest.mark.parametrize(
    ("harms", "made", "expected"),
    [
        pytest.param([change(V1, V2)], change(V2, V1), "r1", id="back"),
        pytest.param([change(V1, V2), change(V2, V3)], change(V3, V1), "r1", id="back from the second step"),
        pytest.param([change(V1, V2), change(V1, V3)], change(V3, V1), "r1", id="undone in between, unseen"),
        pytest.param([change(V1, V2), change(V2, V3)], change(V3, V2), "r1", id="back by one step"),
        pytest.param([change(V1, V2), change(V2, V1), change(V1, V2)], change(V2, V1), "r1", id="done twice"),
        pytest.param([change(V1, V2)], change(V2, V3), "", id="on"),
        pytest.param([change(V1, V2)], change(V3, V1), "", id="back from elsewhere"),
        pytest.param([change(V1, V2)], change(SCALED, V1), "", id="another field"),
        pytest.param([change(V1, V2)], change(V2, deployment("web:1", replicas=3)), "", id="back and more"),
        pytest.param([], change(V2, V1), "", id="nothing was done"),
    ],
)
def test_undoing_chaos_leads_from_what_it_made_back_to_what_it_found(
    harms: list[Change], made: Change, expected: str
) -> None:
    tracked = NONE
    for one in harms:
        tracked = harmed(tracked, one, "r1")
    assert expected == undone(tracked.harms, made.old, made.changed)


def test_what_others_moved_since_is_no_harm() -> None:
    both = harmed(harmed(NONE, change(V1, V2), "r1"), change(V1, SCALED), "r1")
    assert ["spec.replicas"] == [one.path for one in healed(both, change(V2, V3)).harms]


def test_harms_are_remembered_within_bounds() -> None:
    known = msgspec.structs.replace(NONE, harms=tuple(Harm(f"x{n}", "", "", "r0") for n in range(LIMIT)))
    assert (LIMIT, "r1") == (
        len(harmed(known, change(V1, V2), "r1").harms),
        harmed(known, change(V1, V2), "r1").harms[-1].run,
    )


def test_chaos_that_was_compared_with_a_candidate_may_have_found_the_fact() -> None:
    tracked = harmed(NONE, change(V2, V3), "r1", V1)
    assert ["r1", "r1"] == [undone(tracked.harms, V3, sides.changed(V3, back)) for back in (V1, V2)]
