"""Histories of one workload, told by reviews and audit events that are lost, repeated and late, against a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.changes import Side, Sighting, Tracked
from shared.rules.digests import digest
from shared.rules.tracking import observe
from tests.rules.sights import WATCHED, deployment, event, review, scale

Moved = tuple[str, str]
IMAGE = "spec.template.spec.containers[0].image"


class Step(msgspec.Struct, frozen=True):
    """One operation on the workload, and what becomes of it and of its signals."""

    verb: Literal["image", "scale", "note", "status"]
    denied: bool = False
    reviewed: bool = True
    retried: bool = False
    audited: bool = True
    repeated: bool = False
    delay: int = 0


def steps(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    return st.lists(
        st.builds(Step, verb=st.sampled_from(["image", "scale", "note", "status"]), **fixed), min_size=1, max_size=14
    )


FLAG = st.booleans()
NEVER = st.just(value=False)


@dataclass
class ApiServer:
    """The workload as it is persisted, and the signals that an API server sends about it."""

    state: dict[str, Any] = field(default_factory=lambda: {"image": "web:0", "replicas": 1, "note": "0"})
    generation: int = 1
    revision: int = 10
    seconds: float = 0
    made: int = 1
    signals: list[tuple[float, Sighting]] = field(default_factory=list)
    reviewed: Counter[Moved] = field(default_factory=Counter)
    persisted: Counter[Moved] = field(default_factory=Counter)

    def side(self, **state: Any) -> Side:
        shown = {**self.state, **state}
        notes = {**WATCHED, "note": shown.pop("note")}
        return deployment(generation=self.generation, revision=self.revision, annotations=notes, **shown)

    def play(self, step: Step) -> None:
        self.seconds += 1
        self.revision += 1
        if step.verb == "status":
            return
        self.made += 1
        wanted = _wanted(step.verb, self.made)
        moved = _moved(step.verb, wanted)
        if step.reviewed:
            self._review(step, wanted)
            self.reviewed.update(moved)
        if not step.denied:
            self._persist(step, wanted)
            self.persisted.update(moved)

    def _review(self, step: Step, wanted: dict[str, Any]) -> None:
        old = self.side()
        self.generation += 1
        new = self.side(**wanted)
        self.generation -= 1
        if step.verb == "scale":
            old, new = (scale(count, revision=self.revision) for count in (self.state["replicas"], wanted["replicas"]))
        for _ in range(1 + step.retried):
            self.signals.append((self.seconds, review(old, new, self.seconds)))

    def _persist(self, step: Step, wanted: dict[str, Any]) -> None:
        self.state |= wanted
        self.generation += 1
        self.revision += 1
        if step.audited:
            shown = scale(self.state["replicas"], revision=self.revision) if step.verb == "scale" else self.side()
            told = event(shown, self.seconds + 0.5)
            for again in range(1 + step.repeated):
                self.signals.append((self.seconds + 0.5 + step.delay + again * 7, told))


def _wanted(verb: str, made: int) -> dict[str, Any]:
    wanted: dict[str, dict[str, Any]] = {"image": {"image": f"web:{made}"}, "scale": {"replicas": made}}
    return wanted.get(verb, {"note": str(made)})


def _moved(verb: str, wanted: dict[str, Any]) -> list[Moved]:
    path = {"image": IMAGE, "scale": "spec.replicas"}.get(verb)
    return [(path, digest(value)) for value in wanted.values() if path]


def history(played: Iterable[Step]) -> ApiServer:
    """Return the API server after these steps, on a workload that was known before."""
    server = ApiServer()
    server.signals.append((0, event(server.side())))
    for step in played:
        server.play(step)
    return server


def fired(server: ApiServer) -> Counter[Moved]:
    """Return what triggered by default, once each signal was taken in the order it arrived."""
    found: Counter[Moved] = Counter()
    tracked: Tracked | None = None
    for _, sighting in sorted(server.signals, key=lambda arrival: arrival[0]):
        outcome = observe(tracked, sighting)
        tracked = outcome.tracked or tracked
        if outcome.rule == "change" and outcome.change:
            found.update((one.path, one.digest) for one in outcome.change.changed)
    return found


@given(steps(denied=FLAG, retried=FLAG, audited=FLAG, repeated=FLAG, delay=st.integers(0, 30)))
def test_what_is_reviewed_triggers_once_whatever_audit_adds(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) == server.reviewed


@given(steps(reviewed=NEVER, repeated=FLAG))
def test_what_is_audited_triggers_once_if_it_was_persisted(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) == server.persisted


@given(steps(reviewed=FLAG, retried=FLAG, repeated=FLAG))
def test_what_a_lost_review_would_have_told_audit_tells(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) == server.persisted


@given(steps(denied=FLAG, reviewed=FLAG, retried=FLAG, audited=FLAG, repeated=FLAG, delay=st.integers(0, 30)))
def test_nothing_triggers_twice_and_nothing_that_nobody_asked_for(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) <= (server.reviewed | server.persisted)


@given(steps(reviewed=NEVER, repeated=FLAG, delay=st.integers(0, 30)))
def test_audit_alone_and_out_of_order_never_triggers_on_what_is_gone(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) <= server.persisted


@pytest.mark.soak
@settings(max_examples=5_000)
@given(steps(denied=FLAG, reviewed=FLAG, retried=FLAG, audited=FLAG, repeated=FLAG, delay=st.integers(0, 60)))
def test_long_histories_keep_the_same_bounds(played: list[Step]) -> None:
    server = history(played)
    assert fired(server) <= (server.reviewed | server.persisted)
