from __future__ import annotations

import msgspec
import pytest

from shared.model.orders import Dispatched, OrderState
from shared.model.runs import Run, RunState
from shared.rules.succession import gives_way, succeeded

LATER = "2026-11-23T13:00:00.000Z"
NEWER = Dispatched("2-a", "shop", "kill", "c1", "run", LATER, LATER, "waiting", run="2-a", change="2")
RUN = Run("2-a", "shop", "kill", "c1", "queued", LATER, LATER)


def pair(order: OrderState, run: RunState, message: str = "") -> tuple[Dispatched, Run]:
    return msgspec.structs.replace(NEWER, state=order), msgspec.structs.replace(RUN, state=run, message=message)


@pytest.mark.parametrize(
    ("order", "run", "message", "expected"),
    [
        pytest.param("held", "queued", "", None, id="held"),
        pytest.param("waiting", "waiting", "", None, id="not sent"),
        pytest.param("taken", "waiting", "", None, id="being proved"),
        pytest.param("taken", "running", "", True, id="begun"),
        pytest.param("taken", "needs_attention", "", True, id="begun and in need of attention"),
        pytest.param("done", "completed", "", True, id="completed"),
        pytest.param("done", "error", "it broke", True, id="begun and broken"),
        pytest.param("done", "stopped", "", True, id="stopped by a person in its cluster"),
        pytest.param("refused", "stopped", "", False, id="stopped by a person before it was sent"),
        pytest.param("done", "skipped", "the rollout is stuck", True, id="proved, and its rollout stuck"),
        pytest.param("done", "skipped", "never persisted: spec.replicas still differs", False, id="denied"),
        pytest.param("done", "skipped", "reverted: the workload was deleted", False, id="undone"),
        pytest.param("refused", "skipped", "the project is frozen", False, id="refused by safety"),
        pytest.param("expired", "expired", "", False, id="never sent"),
        pytest.param("done", "expired", "not started", False, id="not looked at in time"),
        pytest.param("superseded", "skipped", "", True, id="a still newer one took its place"),
    ],
)
def test_a_newer_order_takes_the_place_of_older_ones_once_its_change_is_proved(
    order: OrderState, run: RunState, message: str, *, expected: bool | None
) -> None:
    assert expected is succeeded(*pair(order, run, message))


def test_what_stands_behind_a_newer_order_waits_ends_or_goes() -> None:
    waits, ends = gives_way(*pair("taken", "waiting")), gives_way(*pair("taken", "running"))
    assert waits
    assert ends
    assert ("newer change", True, "superseded", False) == (waits.rule, waits.wait, ends.rule, ends.wait)
    assert gives_way(*pair("refused", "skipped")) is None
