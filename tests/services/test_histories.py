"""Whatever happens to a workload, and whichever signals of it are lost: each change that counts starts one run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from shared.model.projects import Safety
from tests.payloads import SEED
from tests.services.dispatch_stage import Stage
from tests.services.histories import History
from tests.services.history_steps import Step, histories
from tests.services.watched_cluster import WatchedCluster

SAFETY = Safety(cooldown="0s", storm=None)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("examples", "steps", "number"),
    [
        pytest.param(25, 8, 71, id="short"),
        pytest.param(5_000, 20, SEED, id=f"long-seed-{SEED}", marks=pytest.mark.soak),
    ],
)
def test_each_change_that_was_persisted_and_counts_starts_one_run_and_nothing_else_does(
    stages: Callable[[], Stage], examples: int, steps: int, number: int
) -> None:
    stage, clusters = stages(), 0

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(steps))
    def play(played: list[Step]) -> None:
        nonlocal clusters
        clusters += 1
        check(stage, f"h{clusters}", played)

    stage.settle(SAFETY)
    play()


def check(stage: Stage, name: str, played: list[Step]) -> None:
    history = History(WatchedCluster(stage, name))
    for step in played:
        history.play(step)
    history.end()
    counts, found = history.counts, {(one.path, one.digest): count for one, count in history.cluster.proved.items()}
    missed = {field: count for field, count in counts.must.items() if found.get(field, 0) < count}
    beyond = {field: count for field, count in found.items() if count > counts.may[field]}
    assert ({}, {}) == (missed, beyond), history.cluster.rules
