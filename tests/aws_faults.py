"""What the doubles of AWS do not do by themselves: throttle, fail inside, lose an answer, and read what was.

A fault stands below the SDK's own retries, so that these are tried as well.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from shared.clients.dynamodb import Aws
from shared.clients.dynamodb.alarms import Alarms
from shared.clients.dynamodb.calls import Table
from tests.aws import Double, new_client

Fault = Callable[[Any], AWSResponse | None]
"""Takes the request that is about to be sent; the answer it gives is what the SDK sees, None lets it pass."""


def clients(at: Double, table: str, tries: int = 4) -> Aws:
    """Return clients of their own for a table and its queues."""
    config = Config(retries={"mode": "standard", "total_max_attempts": tries}, max_pool_connections=20)
    dynamodb, sqs = (new_client(at.endpoint, service, config) for service in ("dynamodb", "sqs"))
    return Aws(Table(dynamodb, table), Alarms(sqs, table))


class Faults:
    """Clients whose requests meet the planned faults first, one each, then those that chance sends."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        for client in (aws.table.client, aws.alarms.client):
            client.meta.events.register("before-send", self._meet)
        self.met: list[str] = []
        self._planned: list[tuple[str, Fault]] = []
        self._chance: Callable[[str], Fault | None] = lambda _: None
        self._lock = threading.Lock()

    def plan(self, operation: str, *faults: Fault) -> None:
        """Let the next requests of this operation meet these faults, one each."""
        self._planned += [(operation, fault) for fault in faults]

    @contextmanager
    def amid(self, choose: Callable[[str], Fault | None]) -> Iterator[None]:
        """Let each request meet the fault that is chosen for its operation, while the block lasts."""
        self._chance = choose
        try:
            yield
        finally:
            self._chance = lambda _: None

    def _meet(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        with self._lock:
            fault = self._next(operation)
        if fault is None:
            return None
        self.met.append(operation)
        return fault(request)

    def _next(self, operation: str) -> Fault | None:
        for place, (planned, fault) in enumerate(self._planned):
            if planned == operation:
                del self._planned[place]
                return fault
        return self._chance(operation)


def refused(code: str, status: int = 400, **more: Any) -> Fault:
    """Return the fault of an answer that refuses: nothing was done."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more}
    return lambda request: _answer(request, status, json.dumps(body).encode())


throttled: Final = refused("ProvisionedThroughputExceededException")
broken: Final = refused("InternalServerError", 500)


def conflicting(items: int) -> Fault:
    """Return the fault of a transaction that met another one on its first item."""
    reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (items - 1)]
    return refused("TransactionCanceledException", CancellationReasons=reasons)


def lost(request: Any) -> AWSResponse | None:
    """Do what was asked, and lose the answer."""
    URLLib3Session().send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def unheard(request: Any) -> AWSResponse | None:
    """Lose the request: nothing is done, nothing is answered."""
    raise ReadTimeoutError(endpoint_url=request.url)


class Outdated:
    """Answers reads that are not strongly consistent as they were answered first."""

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[int, bytes]] = {}

    def __call__(self, request: Any) -> AWSResponse | None:
        if b'"ConsistentRead": true' in request.body:
            return None
        if request.body not in self._first:
            answer = URLLib3Session().send(request)
            self._first[request.body] = answer.status_code, answer.content
        return _answer(request, *self._first[request.body])


def by_chance(seed: int, share: float, double: str) -> Callable[[str], Fault | None]:
    """Return what lets a share of all requests meet some fault; a token that moto forgets makes a lost answer another.

    Its server does a transaction again whose token it knows, where AWS and ministack answer what they answered before.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    faults = [throttled, broken, unheard, *([lost] if double != "moto" else [])]
    return lambda _: chance.choice(faults) if chance.random() < share else None


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _answer(request: Any, status: int, content: bytes) -> AWSResponse:
    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, _Body(content))
