from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from shared.clients.dynamodb import Aws, DynamoQueue, DynamoStore
from tests import aws
from tests.aws_faults import Faults, clients
from tests.clients.conformance.engines import ATTEMPTS, LONGEST_BACKOFF, RETENTION, ManualClock

FUNCTIONS = ("dispatch", "sync")


class Place:
    """A table and its queues on a double, with a store and a queue that meet no faults, and others that do."""

    def __init__(self, at: aws.Double) -> None:
        self.at, self.name, self.clock = at, f"place-{uuid.uuid4()}", ManualClock()
        aws.create(at, self.name, FUNCTIONS)
        self.aws = aws.aws(at, self.name)
        self.store = self.store_on(self.aws)
        self.queue = self.queue_on(self.aws)

    def store_on(self, parts: Aws) -> DynamoStore:
        return DynamoStore(parts.table, parts.alarms, self.clock, RETENTION)

    def queue_on(self, parts: Aws) -> DynamoQueue:
        return DynamoQueue(parts.table, parts.alarms, self.clock, ATTEMPTS, 1.0, LONGEST_BACKOFF)

    def faults(self, tries: int = 4) -> Faults:
        return Faults(clients(self.at, self.name, tries))

    def alarms(self, function: str) -> list[str]:
        """Take what SQS has for a function now."""
        sqs = self.aws.alarms.client
        url = sqs.get_queue_url(QueueName=f"{self.name}-{function}")["QueueUrl"]
        taken: list[str] = []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for one in found:
                taken.append(one["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return sorted(taken)

    def close(self) -> None:
        aws.remove(self.at, self.name, FUNCTIONS)


@pytest.fixture
def new_place() -> Iterator[Callable[[str], Place]]:
    made: list[Place] = []

    def make(double: str) -> Place:
        made.append(Place(aws.double(double)))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture(params=aws.DOUBLES)
def place(request: pytest.FixtureRequest, new_place: Callable[[str], Place]) -> Place:
    return new_place(request.param)


@pytest.fixture
def honest(new_place: Callable[[str], Place]) -> Place:
    """A place on the double that honours the tokens of transactions; moto's server does a repeated one again."""
    return new_place("ministack")
