"""Admission reviews: what a cluster's API server waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infra.bench.figures import Figure
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

OK: Final = 200


class NotTriggered(RuntimeError):
    """Reviews were answered, and the ledger does not say that they triggered."""


def measure(house: House, seconds: float) -> Iterator[Figure]:
    """Ask about updates that cannot matter and about such that trigger, and about the same of the empty function."""
    for count in COUNTS:
        _settle(house, count)
    idle = reviews(_path(house, COUNTS[0]), watched=False)
    with house.serve("empty") as started:
        empty = load(started.port, idle, OK, seconds)
    with house.serve("workload_admission") as started:
        yield from _figures("not annotated", load(started.port, idle, OK, seconds), empty)
        for count in COUNTS:
            ours = load(started.port, _triggering(house, count), OK, seconds)
            _check(house, count, ours)
            yield from _figures(f"triggering, {count} policies", ours, empty)


def _figures(name: str, ours: Measured, empty: Measured) -> Iterator[Figure]:
    yield Figure("admission", f"{name}: reviews", ours.rate, "/s", "empty function", empty.rate)
    yield Figure("admission", f"{name}: p99", ours.p99, "ms", "empty function", empty.p99)


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


def _check(house: House, count: int, ours: Measured) -> None:
    events = _events(house, f"p{count}", ours.count)
    if len(events) < ours.count or {event.verdict for event in events} != {"triggered"}:
        told = {(event.verdict, event.reason) for event in events[:5]}
        raise NotTriggered(f"{ours.count} reviews, {len(events)} in the ledger: {told}")


def _events(house: House, project: str, limit: int) -> list[Event]:
    return [EVENTS.read(row).value for row in house.store.query(EVENTS.partition(project, "change"), limit=limit)]
