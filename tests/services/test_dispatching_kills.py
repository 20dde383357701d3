"""The process dies right after any of its commits, or before it said so: nothing is lost and nothing happens twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from shared.model.projects import MaxRuns, Safety
from shared.model.runs import Recent
from shared.rules.routing import CLUSTERS
from shared.services.tables import RECENT
from tests.services.dispatch_parts import Killed
from tests.services.dispatch_stage import KILL, Stage

Scene = Callable[[Stage], None]


def one_order(stage: Stage) -> None:
    stage.change()
    alive(stage, stage.pump)
    order = stage.runs()[-1].id
    for state in ("waiting", "running", "completed"):
        stage.clock.advance(1)
        alive(stage, lambda said=state: stage.report(order, said, verdict="Pass"))  # type: ignore[misc]
        alive(stage, stage.pump)


def several_clusters(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2,c3"}))
    stage.cluster("c2")
    stage.cluster("c3", stage.subscriber.url)
    stage.change()
    alive(stage, stage.pump)
    proof = next(order.id for order in stage.orders() if order.action == "prove")
    alive(stage, lambda: stage.report(proof, "completed"))
    alive(stage, stage.pump)
    alive(stage, lambda: stage.poll("c2"))


def places(stage: Stage) -> None:
    stage.settle(Safety(cooldown="0s", max_runs=MaxRuns(cluster=1, namespace=1)))
    stage.experiment("other")
    stage.change("kill", "other")
    alive(stage, stage.pump)
    for _ in range(2):
        first = next(run.id for run in stage.runs() if run.state == "queued" or stage.order(run.id).state == "taken")
        alive(stage, lambda order=first: stage.report(order, "completed", verdict="Pass"))  # type: ignore[misc]
        alive(stage, stage.pump)


def replaced(stage: Stage) -> None:
    stage.cluster("c1")
    stage.change()
    alive(stage, stage.pump)
    stage.clock.advance(1)
    stage.change()
    alive(stage, stage.pump)


def pushes(stage: Stage) -> None:
    stage.settle(Safety(cooldown="0s", max_runs=MaxRuns(cluster=2, namespace=2)), gitops={"run_on_push": "new"})
    stage.cluster("c2")
    stage.pushed("kill", msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2,c9"}))
    alive(stage, stage.pump)
    stage.clock.advance(1)
    stage.pushed("kill", msgspec.structs.replace(KILL, annotations={CLUSTERS: "c2"}), blob="b" * 40)
    alive(stage, stage.pump)


def alive(stage: Stage, act: Callable[[], object]) -> None:
    """Do something, and once more after each death: the queue, the subscriber or the person tries again."""
    while True:
        try:
            act()
        except Killed:
            stage.queue.void_leases()
            continue
        return


def told(stage: Stage) -> tuple[object, ...]:
    """What everybody can see in the end, without ids and times."""
    orders = sorted((o.experiment, o.cluster, o.action, o.state) for c in ("c1", "c2", "c3") for o in stage.orders(c))
    runs = sorted((run.experiment, run.cluster, run.state, run.score) for run in stage.runs())
    rows = Counter(
        (row.kind, row.verdict, row.subject) for kind in ("order", "run", "report") for row in stage.rows(kind)
    )
    opened = sorted(len(stage.open(cluster)) for cluster in ("c1", "c2", "c3"))
    started = sorted((order.experiment, order.action) for order in stage.subscriber.taken.values())
    notes = len({note.ids["run"] for note in stage.sent("note")})
    recent = RECENT.load_or(stage.store, Recent(), "shop").value
    return orders, runs, sorted(rows.items()), opened, started, notes, len(recent.triggers)


@pytest.mark.parametrize("early", [pytest.param(False, id="after"), pytest.param(True, id="just before")])
@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(one_order, id="one order to its end"),
        pytest.param(several_clusters, id="a proof and two more clusters"),
        pytest.param(places, id="two runs and one place"),
        pytest.param(replaced, id="a newer change"),
        pytest.param(pushes, id="a push, and a newer one"),
    ],
)
def test_a_death_at_any_commit_changes_nothing_in_the_end(
    scene: Scene, early: bool, stages: Callable[[], Stage]
) -> None:
    calm = stages()
    scene(calm)
    for death in range(calm.store.commits):
        stage = stages()
        stage.store.lives, stage.store.early = death, early
        scene(stage)
        assert told(calm) == told(stage), f"it died at commit {death + 1}"
        assert [] == stage.queue.dead()


def test_a_proof_that_came_before_the_orders_behind_it_were_made_lets_them_go(stage: Stage) -> None:
    stage.experiment(manifest=msgspec.structs.replace(KILL, annotations={CLUSTERS: "c1,c2"}))
    stage.cluster("c2", stage.subscriber.url)
    due = stage.due(stage.change())
    stage.store.lives = 0
    with pytest.raises(Killed):
        stage.dispatching.change(due)
    [proof] = stage.orders()
    stage.report(proof.id, "completed")
    for claimed in stage.queue.receive(100, 30.0):
        stage.queue.ack(claimed)
    stage.dispatching.change(due)
    stage.pump()
    assert ["taken"] == [order.state for order in stage.orders("c2")]
