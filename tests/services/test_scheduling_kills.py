"""The process dies at any commit while schedules are ordered: nothing is lost and nothing is ordered twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from shared.model.projects import Freeze
from shared.services.accepting import rescheduled
from tests.services.dispatch_stage import Stage
from tests.services.scheduled import Yard
from tests.services.test_dispatching_kills import alive


def carried_out(yard: Yard) -> None:
    """Work off everything, whatever dies meanwhile, and have the cluster carry out what it took."""
    stage = yard.stage
    alive(stage, yard.pump)
    for order in [one for one in yard.orders() if one.state in {"ready", "taken"}]:
        alive(stage, lambda order=order: stage.report(order.id, "completed"))  # type: ignore[misc]
    alive(stage, yard.pump)


def scene(stage: Stage) -> Yard:
    yard = Yard(stage)
    yard.file()
    carried_out(yard)
    yard.file(text="two")
    alive(stage, lambda: stage.dispatching.schedule(rescheduled(stage.dispatching.ids, "shop")))
    yard.settle(freeze=Freeze("sale"))
    carried_out(yard)
    yard.gone()
    carried_out(yard)
    return yard


def told(yard: Yard) -> tuple[object, ...]:
    """What everybody can see in the end, without ids and times."""
    rows = Counter((row.kind, row.verdict, row.reason.partition(" by ")[0]) for row in yard.stage.rows("order"))
    orders = [(one.action, one.state, one.blob, one.parameters["suspend"]) for one in yard.orders()]
    return orders, rows, yard.record(), yard.stage.open(), len(yard.stage.subscriber.taken)


@pytest.mark.parametrize("early", [pytest.param(False, id="after"), pytest.param(True, id="just before")])
def test_a_death_at_any_commit_changes_nothing_in_the_end(early: bool, stages: Callable[[], Stage]) -> None:
    calm = scene(stages())
    assert ["+", "+", "=", "-"] == calm.told()
    for death in range(calm.stage.store.commits):
        stage = stages()
        stage.store.lives, stage.store.early = death, early
        assert told(calm) == told(scene(stage)), f"it died at commit {death + 1}"
        assert [] == stage.queue.dead()
