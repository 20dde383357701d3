"""Whatever is pushed, edited and ordered while looks go on: what something refers to stays, and all else goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from shared.clients.sqlite import Database, SqliteStore
from shared.errors import Stale
from shared.model.experiments import Edit, Experiment
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.services.portal_records import listed
from shared.services.tables import BLOBS, EDITS, EXPERIMENTS, MEMBERS, OPEN_ORDERS, UNUSED
from shared.services.texts import Texts
from tests.clients.conformance.engines import ManualClock
from tests.payloads import SEED
from tests.services.dispatch_parts import Overtaken

ASKED = Message("m", "reconcile", "texts", {"project": "shop"})
AT, LATER = "2026-01-01T00:00:00.000Z", "2100-01-01T02:00:00.000Z"
DAY = 86_400.0


class Step(msgspec.Struct, frozen=True):
    """One thing that happens: to experiment `of`, with text `text`; `then` days pass. A look has others go on in it."""

    does: Literal["push", "remove", "edit", "settle", "order", "end", "look"]
    of: int = 0
    text: int = 0
    then: float = 0.0
    meanwhile: tuple[Step, ...] = ()


DONE = st.builds(
    Step,
    does=st.sampled_from(["push", "push", "remove", "edit", "settle", "order", "end"]),
    of=st.integers(0, 1),
    text=st.integers(0, 2),
    then=st.sampled_from([0.0, 1.0, 6.0]),
)
PAUSED = DONE.map(lambda step: msgspec.structs.replace(step, then=0.0))
INNER = st.builds(Step, does=st.just("look"))
LOOK = st.builds(
    Step,
    does=st.just("look"),
    then=st.sampled_from([6.0, 1.0, 0.0]),
    meanwhile=st.lists(PAUSED | INNER, max_size=3).map(tuple),
)


class History:
    """A project's texts, and all that refers to them, as syncs, edits and dispatch write it."""

    def __init__(self, database: Database, name: str) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(database, self.clock)
        self.project, self.cluster = name, f"{name}-eu"
        self.numbers = count()
        self.store.commit([MEMBERS.put(Cluster(self.cluster, name, "EU", ""), name, self.cluster)])

    def play(self, step: Step) -> None:
        getattr(self, step.does)(step)
        missing = {*self.shown(), *self.ordered()} - set(self.stored())
        assert not missing, step
        self.clock.advance(step.then * DAY)

    def push(self, step: Step) -> None:
        """Read what is unknown, keep it, and show it after that, as a sync does."""
        blob = f"b{step.text}"
        if blob not in {one.blob for one in self.experiments()}:
            self.store.commit([BLOBS.put(b"text", self.project, blob)])
        shown = Experiment(f"e{step.of}", "cart.yaml", blob, "c", "synced", AT)
        self.store.commit([EXPERIMENTS.put(shown, self.project, shown.id)])

    def remove(self, step: Step) -> None:
        self.store.commit([EXPERIMENTS.delete(self.project, f"e{step.of}")])

    def edit(self, step: Step) -> None:
        """Begin an edit of an older text, where that is still known."""
        blob, name = f"b{step.text}", f"{next(self.numbers):04}"
        found = BLOBS.load(self.store, self.project, blob)
        if found is not None:
            self.store.commit([BLOBS.put(found.value, self.project, blob)])
            edit = Edit(name, self.project, f"e{step.of}", "cart.yaml", None, blob, "ada", AT)
            self.store.commit([EDITS.put(edit, self.project, name)])

    def settle(self, _: Step) -> None:
        for row in list(listed(self.store, EDITS, self.project))[:1]:
            self.store.commit([EDITS.delete(self.project, row.value.id)])

    def order(self, step: Step) -> None:
        """Order what an experiment is right now."""
        name = f"{next(self.numbers):04}"
        for one in self.experiments():
            if one.id == f"e{step.of}":
                made = Dispatched(name, self.project, one.id, self.cluster, "install", AT, LATER, "ready", one.blob)
                self.store.commit([OPEN_ORDERS.put(made, self.cluster, name)])

    def end(self, _: Step) -> None:
        for row in list(listed(self.store, OPEN_ORDERS, self.cluster))[:1]:
            self.store.commit([OPEN_ORDERS.delete(self.cluster, row.value.id)])

    def look(self, step: Step) -> None:
        """Look, and have the others go on once all but the open orders was read."""

        def others() -> None:
            for one in step.meanwhile:
                self.play(one)

        store = Overtaken(self.store, others)
        asked = msgspec.structs.replace(ASKED, ids={"project": self.project})
        with suppress(Stale):
            Texts(store, self.clock).look(asked)

    def experiments(self) -> list[Experiment]:
        return [row.value for row in listed(self.store, EXPERIMENTS, self.project)]

    def shown(self) -> Iterator[str]:
        yield from (one.blob for one in self.experiments())
        yield from (row.value.base or "" for row in listed(self.store, EDITS, self.project))

    def ordered(self) -> Iterator[str]:
        yield from (row.value.blob or "" for row in listed(self.store, OPEN_ORDERS, self.cluster))

    def marked(self) -> set[str]:
        """Return what is forgotten at the next look unless an order still holds it."""
        return {row.key.sort for row in listed(self.store, UNUSED, self.project)}

    def stored(self) -> list[str]:
        return [row.key.sort for row in listed(self.store, BLOBS, self.project)]

    def finish(self) -> None:
        """Let two weeks pass in which nothing happens but looks."""
        for _ in range(2):
            self.clock.advance(7 * DAY)
            self.look(Step("look"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("examples", "number"),
    [
        pytest.param(400, 5, id="short"),
        pytest.param(5_000, SEED, id=f"long-seed-{SEED}", marks=pytest.mark.soak),
    ],
)
def test_what_is_referred_to_stays_and_all_else_goes(tmp_path: Path, examples: int, number: int) -> None:
    database, names = Database(tmp_path / "state.db"), (f"p{n}" for n in count())

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(DONE | LOOK | LOOK, min_size=4, max_size=20))
    def play(steps: list[Step]) -> None:
        history = History(database, next(names))
        for step in steps:
            history.play(step)
        history.finish()
        assert {*history.shown(), *history.ordered()} == set(history.stored())
        assert set(history.ordered()) - set(history.shown()) == history.marked()

    play()
    database.close()
