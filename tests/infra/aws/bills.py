"""What AWS would bill for: counted from the calls that a story makes, and priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Final, get_args

from shared.clients.dynamodb import connected
from shared.clients.opening import open_store, utc_now
from shared.model.changes import Change, Side, Workload
from shared.model.ledger import Event, EventKind
from shared.model.records import Write
from shared.model.runs import Run
from shared.services.ledger import stamp
from shared.services.tables import CHANGES, DELIVERIES, EVENTS, RUNS, Seen
from tests.aws_costs import counted
from tests.infra.aws.story import AmazonStory
from tests.infra.loop import MANIFEST, WORKFLOW_ID
from tests.infra.outside import CLUSTER

PRICES: Final = {
    "requests": 1.00,
    "invocations": 0.20,
    "reads": 0.125,
    "writes": 0.625,
    "messages": 0.40,
}
"""Dollars a million in us-east-1, on demand, without free tiers: HTTP API, Lambda, DynamoDB (two), SQS."""

_SENDS: Final = "SendMessageBatch"
_MONTH: Final = 730 * 3_600
_MILLION: Final = 1_000_000
_YEAR: Final = 365 * 86_400.0
_AT: Final = "2026-01-01T00:00:00.000Z"
_AT_ONCE: Final = 70
"""Events in one commit, of which three in eight bring another write with them."""


@dataclass(frozen=True)
class Bill:
    """`requests` reach the gateway; `reads` and `writes` are request units; `messages` are requests to SQS.

    Of those there are three a batch: one to send it, one to receive it, one to delete it.
    """

    requests: int
    invocations: int
    reads: float
    writes: float
    messages: int

    @property
    def dollars(self) -> float:
        """What a million of them cost, without the time that functions run."""
        return sum(float(getattr(self, one.name)) * PRICES[one.name] for one in fields(self))


def billed(story: AmazonStory, act: Callable[[], object], until: str = "") -> Bill:
    """Return what an act costs, with all that it causes: until every queue is empty, or in one function."""
    cloud, before = story.cloud, story.cloud.counts.copy()
    with counted(connected(cloud.table)) as costs:
        act()
        if until:
            cloud.poll(until)
        else:
            cloud.work()
    spent = cloud.counts - before
    messages = costs.requests[_SENDS] + spent["receipts"]
    return Bill(spent["gateway"], spent["invocations"], costs.reads, costs.writes, messages)


def bills(story: AmazonStory, *numbers: int) -> dict[str, Bill]:
    """Return what each kind of thing costs, the last time that it is done; each number is for changes of its own."""
    for number in numbers:
        story.beat()  # one that comes after a long silence is told of, and costs more
        story.cloud.work()
        commit = story.push(text=f"{MANIFEST}# {number}\n")
        found = {
            "delivery": billed(story, partial(story.deliver, commit)),
            "workload change": billed(story, partial(story.change, number), "workload_admission"),
            "order": billed(story, story.carry_out),
            "review that is only counted": billed(story, partial(story.review, "deployment-image-not-annotated")),
            "heartbeat": billed(story, story.beat),
            "look for orders": billed(story, story.orders),
            "tick": billed(story, story.cloud.tick),
        }
    return found


def fill(story: AmazonStory, first: int, last: int) -> None:
    """Add rows to the ledger, older than all others: of every kind, with what stands behind some of them."""
    store, kinds = open_store(story.cloud.environment["STORE_URL"], _YEAR), get_args(EventKind)
    for start in range(first, last, _AT_ONCE):
        writes: list[Write] = []
        for number in range(start, min(start + _AT_ONCE, last)):
            name, kind = f"00{number:024}", kinds[number % len(kinds)]
            event = Event(name, _AT, kind, "accepted", "filled in " * 20, f"Deployment/shop/w{number}")
            writes.append(EVENTS.put(event, "shop", kind, name))
            if kind == "run":
                run = Run(name, "shop", WORKFLOW_ID, CLUSTER, "completed", _AT, _AT, verdict="Pass", score=100.0)
                writes.append(RUNS.put(run, "shop", name))
            if kind == "change":
                where = Workload(CLUSTER, "Deployment", "shop", f"w{number}")
                change = Change(where, "admission", "UPDATE", "ada", stamp(utc_now), Side("u", {"kind": "x"}, "d"))
                writes.append(CHANGES.put(change, "shop", name))
            if kind == "delivery":
                writes.append(DELIVERIES.put(Seen(_AT), "shop", name))
        store.commit(writes)


def table(found: dict[str, Bill]) -> list[str]:
    """Return the rows of the document's tables that follow from these."""
    rows = [
        f"| {name} | {bill.requests} | {bill.invocations} | {bill.reads:g} | {bill.writes:g} | {bill.messages} "
        f"| ${bill.dollars:.2f} |"
        for name, bill in found.items()
    ]
    return [
        *rows,
        f"| a subscriber's heartbeats | every 15 s | ${found['heartbeat'].dollars * _MONTH / 15 / _MILLION:.2f} |",
        f"| ticks, with one project | every minute | ${found['tick'].dollars * _MONTH / 60 / _MILLION:.2f} |",
    ]
