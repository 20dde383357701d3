"""Runs that a person starts: without a guard, but within the rules of safety."""

from __future__ import annotations

import msgspec
import pytest

from shared.errors import Conflict, Invalid, NotFound
from shared.model.projects import Freeze, Safety
from shared.services.tables import EXPERIMENTS, PROJECTS
from tests.services.dispatch_stage import Stage

LOOSE = Safety(cooldown="0s")


def test_a_person_starts_an_experiment_without_a_guard(stage: Stage) -> None:
    [run] = stage.dispatching.start("shop", "kill", (), "person", "owner")
    stage.pump()
    assert ("queued", "person", None) == (run.state, run.cause, run.change)
    assert stage.subscriber.taken[run.id].guard is None
    assert "owner starts kill on cluster c1" == stage.rows("order")[0].reason


def test_a_person_starts_it_on_several_clusters(stage: Stage) -> None:
    stage.cluster("c2")
    runs = stage.dispatching.start("shop", "kill", ("c1", "c2"), "person", "owner")
    assert ["c1", "c2"] == [run.cluster for run in runs]


@pytest.mark.parametrize(
    ("safety", "fields", "rule"),
    [
        pytest.param(LOOSE, {"freeze": Freeze("sale")}, "freeze", id="frozen"),
        pytest.param(Safety(allowed_namespaces=("db",)), {}, "allowed namespaces", id="namespace"),
        pytest.param(LOOSE, {"gitops": {"mode": "observe"}}, "mode", id="observing"),
        pytest.param(LOOSE, {"gitops": {"enabled": False}}, "mode", id="off"),
    ],
)
def test_what_safety_refuses_is_refused_to_a_person_by_its_rule(
    stage: Stage, safety: Safety, fields: dict[str, object], rule: str
) -> None:
    stage.settle(safety, **fields)
    with pytest.raises(Conflict, match=f"^{rule}: "):
        stage.dispatching.start("shop", "kill", (), "person", "owner")
    assert ([rule], []) == ([row.detail["rule"] for row in stage.rows("order")], stage.runs())


def test_what_does_not_exist_is_named_to_a_person(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no experiment 'gone'"):
        stage.dispatching.start("shop", "gone", (), "person", "owner")
    with pytest.raises(Invalid, match="the project has no cluster c9"):
        stage.dispatching.start("shop", "kill", ("c9",), "person", "owner")
    stage.experiment(state="invalid")
    with pytest.raises(Conflict, match="is invalid"):
        stage.dispatching.start("shop", "kill", (), "person", "owner")


def test_the_records_of_other_projects_are_out_of_reach(stage: Stage) -> None:
    project = PROJECTS.load(stage.store, "shop")
    experiment = EXPERIMENTS.load(stage.store, "shop", "kill")
    assert project
    assert experiment
    stage.store.commit([PROJECTS.put(msgspec.structs.replace(project.value, id="other"), "other")])
    stage.store.commit([EXPERIMENTS.put(experiment.value, "other", "kill")])
    with pytest.raises(Invalid, match="the project has no cluster c1"):
        stage.dispatching.start("other", "kill", ("c1",), "person", "owner")
