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
    """Ask about updates that cannot matter and about such that trigger, and the same of the empty function, in turns.

    Each turn takes a share of `seconds` for each, so that a machine that is slow for a while is so for all.
    """
    for count in COUNTS:
        _settle(house, count)
    idle = reviews(_path(house, COUNTS[0]), watched=False)
    triggering = {count: _numbered(_triggering(house, count)) for count in COUNTS}
    with house.serve("empty") as empty, house.serve("workload_admission") as ours:
        asked = {"empty": (empty.port, idle), "idle": (ours.port, idle)}
        asked |= {f"{count}": (ours.port, make) for count, make in triggering.items()}
        turns = [
            {name: load(port, make, OK, seconds / TURNS) for name, (port, make) in asked.items()} for _ in range(TURNS)
        ]
    for count in COUNTS:
        _check(house, count, sum(turn[f"{count}"].count for turn in turns))
    found = {name: _middle([turn[name] for turn in turns]) for name in asked}
    yield from _figures("not annotated", found["idle"], "empty function", found["empty"])
    one, many = (f"{count}" for count in COUNTS)
    for name in (one, many):
        yield from _figures(f"triggering, {name} policies", found[name], "empty function", found["empty"])
    yield from _figures(f"triggering, {many} policies", found[many], f"{one} policy", found[one])


def _numbered(make: Maker) -> Maker:
    """Return what makes no request twice, however often it is begun anew with the first."""
    numbers = itertools.count()
    return lambda _: make(next(numbers))


def _middle(turns: Sequence[Measured]) -> Measured:
    """Return the median of each figure, and the count of all."""
    rate, p50, p99 = (median([getattr(one, name) for one in turns]) for name in ("rate", "p50", "p99"))
    return Measured(rate, p50, p99, sum(one.count for one in turns))


def _figures(name: str, here: Measured, beside: str, there: Measured) -> Iterator[Figure]:
    yield Figure("admission", f"{name}: reviews", here.rate, "/s", beside, there.rate)
    yield Figure("admission", f"{name}: p99", here.p99, "ms", beside, there.p99)


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
