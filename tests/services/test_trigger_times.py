"""Since when a run was asked for: a push since its delivery, a change since it was seen, a person since the call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.clients.opening import open_secrets
from shared.edge.metrics import Metrics
from shared.model.calls import Call
from shared.model.projects import Safety
from shared.services.ledger import stamp
from shared.services.pushes import Pushes
from shared.services.tables import PUSHED
from tests.hosts import SECRET, fixture
from tests.services.dispatch_stage import Stage
from tests.services.gitops import Shop, engine
from tests.services.test_syncs_in_trouble import meddled

Deliver = Callable[[str], str]


@pytest.fixture
def running(shop: Shop) -> Shop:
    """A shop that runs what is pushed, with one imported experiment."""
    shop.configure(run_on_push="changed", webhook_secrets=("file:hook",))
    shop.write(cart=engine("cart"))
    shop.push()
    shop.work()
    return shop


@pytest.fixture
def deliver(running: Shop, tmp_path: Path) -> Deliver:
    """Deliver that the branch moved, under an id, and return when."""
    (tmp_path / "hook").write_text(SECRET)
    pushes = Pushes(running.store, open_secrets(tmp_path), running.clock, new_id, Metrics().count)
    push = fixture("github/push__branch")

    def call(name: str) -> str:
        headers = {key.lower(): value for key, value in push.headers(name, SECRET).items()}
        assert 202 == pushes.receive(Call("POST", "/git/shop", {"project": "shop"}, {}, headers, push.body)).status
        return stamp(running.clock)

    return call


def came(shop: Shop) -> list[tuple[str, str]]:
    """Return each started experiment with when its delivery came, oldest first."""
    found = []
    for ids in (one.ids for one in shop.started):
        pushed = PUSHED.load(shop.store, "shop", f"{ids['experiment']}/{ids['blob']}/{ids['commit']}")
        assert pushed
        found.append((ids["experiment"], pushed.value.came_at))
    return found


def test_a_pushs_start_knows_when_the_first_delivery_came_however_late_the_sync_is(
    running: Shop, deliver: Deliver
) -> None:
    running.write(new=engine("new", "new"))
    running.person.push()
    first = deliver("d-1")
    running.clock.advance(600)
    deliver("d-2")
    running.clock.advance(600)
    running.work()
    assert [("new", first)] == came(running)
    assert "" == running.state().hinted_at


def test_a_push_that_is_found_without_a_delivery_came_at_no_known_time(running: Shop, deliver: Deliver) -> None:
    deliver("d-1")
    running.work()
    running.write(new=engine("new", "new"))
    running.push()
    running.work()
    assert [("new", "")] == came(running)


def test_what_is_delivered_during_a_sync_came_by_the_end_of_that(running: Shop, deliver: Deliver) -> None:
    running.write(new=engine("new", "new"))
    running.person.push()
    first = deliver("d-1")

    def push_more() -> None:
        running.clock.advance(30)
        running.write(more=engine("more", "more"))
        running.person.push()
        deliver("d-2")

    meddled(running, push_more, after="blobs")
    running.work()
    assert [("new", first), ("more", stamp(running.clock))] == came(running)


def test_what_a_change_starts_was_asked_for_when_it_was_seen(stage: Stage) -> None:
    seen = stamp(stage.clock)
    stage.change()
    stage.clock.advance(60)
    stage.pump()
    [run] = stage.runs()
    assert (seen, True) == (run.triggered_at, run.created_at > seen)


def test_what_a_person_starts_was_asked_for_by_that_call(stage: Stage) -> None:
    [run] = stage.dispatching.start("shop", "kill", (), "person", "owner")
    assert stamp(stage.clock) == run.triggered_at == stage.runs()[0].triggered_at


@pytest.mark.parametrize("delivered", [True, False], ids=["delivered", "only found"])
def test_what_a_push_starts_was_asked_for_by_its_delivery_or_else_when_it_was_decided(
    stage: Stage, delivered: bool
) -> None:
    stage.settle(Safety(), gitops={"run_on_push": "changed"})
    came_at = stamp(stage.clock)
    stage.clock.advance(60)
    decided = stamp(stage.clock)
    asked = stage.pushed()
    key = "/".join(asked.ids[name] for name in ("experiment", "blob", "commit"))
    was = PUSHED.load(stage.store, "shop", key)
    assert was
    told = msgspec.structs.replace(was.value, came_at=came_at if delivered else "")
    stage.store.store.commit([PUSHED.replace(was, told)])
    stage.pump(5)
    assert [came_at if delivered else decided] == [run.triggered_at for run in stage.runs()]
