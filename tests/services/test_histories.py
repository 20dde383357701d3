"""Whatever happens to a workload, and whichever signals of it are lost: each change that counts starts one run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from shared.model.projects import Safety
from tests.payloads import SEED
from tests.services.dispatch_stage import Stage
from tests.services.histories import History
from tests.services.history_steps import Fate, Step, Verb, histories
from tests.services.watched_cluster import WatchedCluster

SAFETY = Safety(cooldown="0s", storm=None)


def reviewed(verb: Verb, fate: Fate = "persisted", pause: float = 0) -> Step:
    """Return a step that only reviews tell of."""
    return Step(verb, fate, told="reviews", pause=pause)


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


FOUND = [
    pytest.param(
        [Step("image", late=True, pause=0), Step("restore", told="heartbeat"), Step("image", told="heartbeat")],
        id="an event from before a restore comes after a list showed it",
    ),
    pytest.param(
        [*[reviewed("scale")] * 3, reviewed("restore"), Step("image", "reverted", told="audit")],
        id="a template is left and taken again after a restore",
    ),
    pytest.param(
        [
            reviewed("scale"),
            reviewed("image", "denied", pause=20),
            reviewed("scale", pause=45),
            reviewed("image"),
        ],
        id="changes come before and after one that is denied",
    ),
    pytest.param(
        [Step("scale", "reverted", late=True, beat=True, pause=0), Step("image", told="audit", late=True)],
        id="a scaling is told of once more after it was undone",
    ),
    pytest.param(
        [
            reviewed("image", "reverted"),
            reviewed("image"),
            Step("restore", told="heartbeat"),
            reviewed("scale", "reverted"),
        ],
        id="a restore puts back what was there by then, too",
    ),
    pytest.param(
        [
            reviewed("image"),
            reviewed("image", "denied"),
            Step("scale", told="audit", pause=0),
            Step("replicas", told="audit", pause=0),
        ],
        id="what is scaled after a denied change is no rollback of it",
    ),
    pytest.param(
        [*[reviewed("image")] * 2, reviewed("recreate"), Step("recreate", told="heartbeat")],
        id="a workload is created anew twice",
    ),
]


@pytest.mark.parametrize("played", FOUND)
def test_histories_that_once_went_wrong_go_right(stages: Callable[[], Stage], played: list[Step]) -> None:
    stage = stages()
    stage.settle(SAFETY)
    check(stage, "h", played)


def check(stage: Stage, name: str, played: list[Step]) -> None:
    history = History(WatchedCluster(stage, name))
    for step in played:
        history.play(step)
    history.end()
    counts, found = history.counts, {(one.path, one.digest): count for one, count in history.cluster.proved.items()}
    missed = {field: count for field, count in counts.must.items() if found.get(field, 0) < count}
    beyond = {field: count for field, count in found.items() if count > counts.may[field]}
    assert ({}, {}) == (missed, beyond), history.cluster.rules
