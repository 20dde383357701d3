"""Whose word lets a schedule be installed, as tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Experiment, Fault, Manifest, Problem
from shared.model.projects import Project, Safety
from shared.model.schedules import Placed, Scheduled
from shared.rules.acceptance import accepted, accepts, concerns, word
from shared.rules.offers import ONLY_HERE
from shared.rules.pushing import Move

CRON = Manifest("CronWorkflow", "nightly", faults=(Fault("pod-delete", "shop"),))
NIGHTLY = Experiment("n1", "n.yaml", "b1", "c1", "synced", "", "CronWorkflow", "nightly", manifest=CRON)


def nightly(**changes: Any) -> Experiment:
    return msgspec.structs.replace(NIGHTLY, **changes)


OFFERED = nightly(commit="", state="pending", problem=Problem(ONLY_HERE))


@pytest.mark.parametrize(
    ("move", "importing", "was", "expected"),
    [
        pytest.param(Move(NIGHTLY), False, False, True, id="pushed"),
        pytest.param(Move(NIGHTLY), True, False, False, id="found"),
        pytest.param(Move(nightly(blob="b2"), NIGHTLY), False, False, False, id="found, then changed"),
        pytest.param(Move(nightly(blob="b2"), NIGHTLY), False, True, True, id="accepted, then changed"),
        pytest.param(Move(nightly(path="z.yaml"), NIGHTLY), True, True, True, id="found again as it was"),
        pytest.param(Move(nightly(blob="b2"), NIGHTLY), True, True, False, id="found changed"),
        pytest.param(Move(NIGHTLY), True, True, False, id="found anew"),
        pytest.param(Move(NIGHTLY, nightly(kind="Workflow")), False, False, True, id="a Workflow became a schedule"),
        pytest.param(Move(NIGHTLY, nightly(commit="", state="pending")), False, False, True, id="made in the portal"),
        pytest.param(Move(NIGHTLY, OFFERED), False, False, False, id="exported"),
        pytest.param(Move(nightly(id="n2"), None, NIGHTLY), False, False, False, id="found, then given another id"),
        pytest.param(Move(None, NIGHTLY), True, True, False, id="gone"),
    ],
)
def test_whose_word_counts(move: Move, importing: bool, was: bool, expected: bool) -> None:
    assert expected is accepts(move, importing=importing, accepted=was)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        pytest.param(Move(NIGHTLY), True, id="a schedule"),
        pytest.param(Move(nightly(kind="Workflow"), NIGHTLY), True, id="one that was a schedule"),
        pytest.param(Move(None, NIGHTLY), True, id="one that is gone"),
        pytest.param(Move(nightly(kind="Workflow")), False, id="no schedule"),
    ],
)
def test_which_moves_are_about_schedules(move: Move, expected: bool) -> None:
    assert expected is concerns(move)


@pytest.mark.parametrize(
    ("manifest", "patterns", "was", "expected"),
    [
        pytest.param(CRON, (), "", "", id="nothing needs an approval: none is given for later"),
        pytest.param(CRON, ("prod-*",), "", "", id="another namespace does"),
        pytest.param(CRON, ("sh*",), "", "b1", id="it does: the text is approved"),
        pytest.param(CRON, ("sh*",), "b0", "b1", id="an earlier text was"),
        pytest.param(CRON, (), "b0", "b0", id="what was approved stays so"),
        pytest.param(Manifest("CronWorkflow", "x"), ("sh*",), "", "b1", id="a namespace that only rendering knows"),
        pytest.param(None, ("sh*",), "", "b1", id="a file that cannot be read could be about any"),
    ],
)
def test_a_persons_word_is_an_approval_where_one_is_needed(
    manifest: Manifest | None, patterns: tuple[str, ...], was: str, expected: str
) -> None:
    project = Project("shop", "Shop", "", safety=Safety(approval_namespaces=patterns))
    before = Scheduled(clusters={"one": Placed("o1", "install", 1)}, approved=was)
    found = accepted(project, nightly(manifest=manifest), before)
    assert Scheduled(accepted=True, clusters=before.clusters, approved=expected) == found


def test_the_word_is_a_command() -> None:
    assert word("shop", "n1") == "litmus-gitops experiment schedule n1 -p shop --accept"
