"""Admission reviews: what a cluster's API server waits for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from infra.bench.figures import Figure, median
from infra.bench.house import MADE, House, gitops
from infra.bench.load import Maker, Measured, drain, load, request
from infra.bench.reviews import reviews
from infra.delivering import path, signed
from shared.clients.opening import utc_now
from shared.model.policies import Condition, Policy, PolicyBook
from shared.model.projects import Cluster, Project, Safety
from shared.rules.keys import internal_key, token
from shared.services.tables import CLUSTERS, EVENTS, POLICIES, PROJECTS

OPEN: Final = Safety(cooldown="0s", storm=None)
"""So that each trigger starts something, as the first one of a quiet day does."""

COUNTS: Final = (1, 100)
"""Numbers of policies in a project; one of them matches."""

TURNS: Final = 5

OK: Final = 200
DONE: Final = 204

DECIDED: Final = 2_000
"""Reviews at most that are decided on for a figure, of those that were kept."""

_LEASE: Final = 3600.0


class NotTriggered(RuntimeError):
    """Reviews were decided on, and the ledger does not say that they triggered."""


def measure(house: House, seconds: float) -> Iterator[Figure]:
    """Ask about updates that cannot matter and about such that trigger, and the same of the empty function, in turns.

    Each turn takes a share of `seconds` for each, so that a machine that is slow for a while is so for all. Then the
    messages are delivered by which the kept reviews are decided on.
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
        kept = _kept(house)
        decided = {count: drain(ours.port, kept[f"c{count}"][:DECIDED], DONE) for count in COUNTS}
    for count in COUNTS:
        _check(house, count, decided[count].count)
    found = {name: _middle([turn[name] for turn in turns]) for name in asked}
    yield from _figures("not annotated", found["idle"], "empty function", found["empty"])
    for name, how in (("triggering", {count: found[f"{count}"] for count in COUNTS}), ("deciding", decided)):
        for count in COUNTS:
            yield from _figures(f"{name}, {count} policies", how[count], "empty function", found["empty"])
        one, many = COUNTS
        yield from _figures(f"{name}, {many} policies", how[many], f"{one} policy", how[one])


def _kept(house: House) -> dict[str, list[bytes]]:
    """Return the requests that decide on what was kept, by cluster, signed as the queue's carrier signs them."""
    found: dict[str, list[bytes]] = {}
    key, now = internal_key(house.master), utc_now()
    while claims := house.queue.receive(1000, _LEASE):
        for message in (claimed.message for claimed in claims if claimed.message.function == "workload_admission"):
            headers, body = signed(message, key, now)
            found.setdefault(message.ids["cluster"], []).append(request(path(message), headers, body))
    return found


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


def _check(house: House, count: int, decided: int) -> None:
    events = [
        EVENTS.read(row).value for row in house.store.query(EVENTS.partition(f"p{count}", "change"), limit=DECIDED)
    ]
    if len(events) != decided or {event.verdict for event in events} != {"triggered"}:
        told = {(event.verdict, event.reason) for event in events[:5]}
        raise NotTriggered(f"{decided} reviews were decided on, {len(events)} in the ledger: {told}")
