"""A ChaosCenter proves nothing, so that what the cluster's own signals showed since has to confirm a change."""

from __future__ import annotations

import msgspec
import pytest

from shared.rules.routing import CLUSTERS
from tests.services.center_stage import CenterStage
from tests.services.dispatch_stage import KILL


def test_a_change_that_a_fact_confirms_starts_the_run(center_stage: CenterStage) -> None:
    center_stage.change(replicas=3)
    center_stage.pump(20)
    assert [] == center_stage.center.runs
    center_stage.fact(3)
    center_stage.pump(5)
    assert 1 == len(center_stage.center.runs)


def test_a_candidate_confirms_nothing(center_stage: CenterStage) -> None:
    center_stage.fact(3, candidate=True)
    center_stage.change(replicas=3)
    center_stage.pump(50)
    assert [] == center_stage.center.runs


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        pytest.param(None, "never persisted: there is no such workload after 60 s", id="no fact at all"),
        pytest.param({"replicas": 2}, "never persisted: spec.replicas still differs after 60 s", id="another value"),
        pytest.param({"replicas": 3, "uid": "u-2"}, "reverted: the workload was deleted", id="another object"),
        pytest.param({"replicas": 3, "deleted": True}, "never persisted: there is no such workload", id="deleted"),
    ],
)
def test_a_change_that_nothing_confirms_never_runs(
    center_stage: CenterStage, fact: dict[str, object] | None, words: str
) -> None:
    if fact:
        center_stage.fact(**fact)  # type: ignore[arg-type]
    center_stage.change(replicas=3)
    center_stage.pump(70)
    [run] = center_stage.runs()
    assert ("skipped", [], []) == (run.state, center_stage.center.runs, center_stage.open())
    assert run.message.startswith(words)
    assert 0 == center_stage.center.count("saveChaosExperiment")


def test_a_run_that_a_person_starts_needs_no_proof(center_stage: CenterStage) -> None:
    center_stage.by_hand()
    assert 1 == len(center_stage.center.runs)


@pytest.mark.parametrize(
    ("replicas", "states"),
    [
        pytest.param(3, [("c1", "queued"), ("c2", "waiting")], id="confirmed"),
        pytest.param(2, [("c1", "skipped"), ("c2", "skipped")], id="not confirmed"),
    ],
)
def test_other_clusters_wait_until_the_origins_signals_confirmed_the_change(
    center_stage: CenterStage, replicas: int, states: list[tuple[str, str]]
) -> None:
    center_stage.cluster("c2")
    center_stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2"}))
    center_stage.change(replicas=3)
    center_stage.pump(20)
    assert [] == center_stage.poll("c2")
    center_stage.fact(replicas)
    center_stage.pump(60)
    assert states == center_stage.states()
    assert (1 if replicas == 3 else 0) == len(center_stage.poll("c2"))


def test_a_change_that_was_not_confirmed_gives_its_cooldown_back(center_stage: CenterStage) -> None:
    center_stage.change(replicas=3)
    center_stage.pump(70)
    center_stage.fact(4)
    center_stage.change(replicas=4)
    center_stage.pump(10)
    assert ["skipped", "queued"] == [run.state for run in center_stage.runs()]
