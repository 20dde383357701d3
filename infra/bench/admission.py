"""Admission reviews: what a cluster's API server waits for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from infra.bench.figures import Figure, median
from infra.bench.house import MADE, House, gitops
from infra.bench.load import Maker, Measured, load
from infra.bench.reviews import reviews
from shared.model.ledger import Event
from shared.model.policies import Condition, Policy, PolicyBook
from shared.model.projects import Cluster, Project, Safety
from shared.rules.keys import token
from shared.services.tables import CLUSTERS, EVENTS, POLICIES, PROJECTS

OPEN: Final = Safety(cooldown="0s", storm=None)
"""So that each trigger starts something, as the first one of a quiet day does."""

COUNTS: Final = (1, 100)
"""Numbers of policies in a project; one of them matches."""

TURNS: Final = 5

OK: Final = 200


class NotTriggered(RuntimeError):
    """Reviews were answered, and the ledger does not say that they triggered."""


def measure(house: House, seconds: float) -> Iterator[Figure]:
    """Ask about updates that cannot matter and about such that trigger, in turns with the same of the empty function.

    Each turn takes a share of `seconds`, so that a machine that is slow for a while is so for both.
    """
    for count in COUNTS:
        _settle(house, count)
    idle = reviews(_path(house, COUNTS[0]), watched=False)
    with house.serve("empty") as empty, house.serve("workload_admission") as ours:
        pair = (ours.port, empty.port)
        yield from _figures("not annotated", _in_turns(pair, idle, idle, seconds))
        for count in COUNTS:
            turns = _in_turns(pair, _triggering(house, count), idle, seconds)
            _check(house, count, sum(one.count for one, _ in turns))
            yield from _figures(f"triggering, {count} policies", turns)


def _in_turns(ports: tuple[int, int], make: Maker, idle: Maker, seconds: float) -> list[tuple[Measured, Measured]]:
    """Return what either of two servers did, turn by turn; none sees a request twice."""
    numbers = itertools.count()
    first, second = ports
    return [
        (
            load(first, lambda _: make(next(numbers)), OK, seconds / TURNS),
            load(second, idle, OK, seconds / TURNS),
        )
        for _ in range(TURNS)
    ]


def _figures(name: str, turns: Sequence[tuple[Measured, Measured]]) -> Iterator[Figure]:
    ours, empty = zip(*turns, strict=True)
    rates = [median([one.rate for one in side]) for side in (ours, empty)]
    waits = [median([one.p99 for one in side]) for side in (ours, empty)]
    yield Figure("admission", f"{name}: reviews", rates[0], "/s", "empty function", rates[1])
    yield Figure("admission", f"{name}: p99", waits[0], "ms", "empty function", waits[1])


def _triggering(house: House, count: int) -> Maker:
    return reviews(_path(house, count), watched=True)


def _path(house: House, count: int) -> str:
    return f"/admission/c{count}/{token(house.master, 'admission', f'c{count}', 1)}"


def _settle(house: House, count: int) -> None:
    """Store a project with a cluster and `count` policies."""
    name = f"p{count}"
    matches = Policy("new-image", conditions=(Condition("spec.template.spec.containers[0].image", "Change"),))
    others = (_other(number) for number in range(1, count))
    house.store.commit(
        [
            PROJECTS.put(Project(name, name, MADE, gitops(), OPEN), name),
            CLUSTERS.put(Cluster(f"c{count}", name, name, MADE), f"c{count}"),
            POLICIES.put(PolicyBook((*others, matches)), name),
        ]
    )


def _other(number: int) -> Policy:
    grown = Condition("spec.replicas", "GreaterThan", str(number))
    memory = Condition("spec.template.spec.containers[0].resources.limits.memory", "GreaterThan", f"{number}Mi")
    return Policy(f"policy-{number}", "and", (grown, memory))


def _check(house: House, count: int, answered: int) -> None:
    events = _events(house, f"p{count}", answered)
    if len(events) < answered or {event.verdict for event in events} != {"triggered"}:
        told = {(event.verdict, event.reason) for event in events[:5]}
        raise NotTriggered(f"{answered} reviews, {len(events)} in the ledger: {told}")


def _events(house: House, project: str, limit: int) -> list[Event]:
    return [EVENTS.read(row).value for row in house.store.query(EVENTS.partition(project, "change"), limit=limit)]
