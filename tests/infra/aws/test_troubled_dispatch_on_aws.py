"""The same trouble on DynamoDB and SQS: kills, records that come twice, throttling and lost answers."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from infra import bundling
from infra.deployments import AWS
from shared.clients.dynamodb import DynamoQueue, DynamoStore
from shared.clients.dynamodb.layout import queue_name
from shared.clients.opening import utc_now
from tests import aws
from tests.infra.stores import Place
from tests.infra.test_troubled_dispatch import SEEDS, SLICE, Plan, Story
from tests.infra.troubled import Engine

SHORT = replace(SLICE, triggers=30, clusters=4, kills=2)
LONGER = replace(SLICE, triggers=200, clusters=8, kills=8)
SHORTER = replace(SHORT, kills=4)
"""For moto's server, which copies its whole table at each transaction."""
FUNCTIONS = bundling.names(AWS)
SOON = "10"


class Lambdas(Engine):
    """All functions as Lambda's handlers, with what AWS does around them."""

    module = "tests.infra.aws.troubled_cloud"


class CloudStory(Story):
    """A story on a double of AWS, in a table of its own, whose queues show a record again soon."""

    def __init__(self, folder: Path, double: str, plan: Plan, seed: int) -> None:
        self._at, self._seed = aws.double(double), str(seed)
        super().__init__(folder, lambda _: f"dynamodb:troubled-{uuid.uuid4()}", plan, seed)

    def _open(self, folder: Path, place: Place) -> None:
        at, url = self._at, place(folder)
        table = url.partition(":")[2]
        aws.create(at, table, FUNCTIONS)
        self._show_again_soon(at, table)
        told = at.variables | {"TROUBLE": self._seed, "DOUBLE": at.name, "MASTER_KEY": self.master.hex()}
        self.engines = [Lambdas(folder, url, **told, PUBLIC_URL="https://portal.example.org", ALLOW_LOCAL="true")]
        parts = aws.aws(at, table)
        self.store = DynamoStore(parts.table, parts.alarms, utc_now)
        self.queue = DynamoQueue(parts.table, parts.alarms, utc_now)
        self.leave = lambda: aws.remove(at, table, FUNCTIONS)

    def _show_again_soon(self, at: aws.Double, table: str) -> None:
        sqs = aws.client(at, "sqs")
        for function in FUNCTIONS:
            url = sqs.get_queue_url(QueueName=queue_name(table, function))["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": SOON})


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_a_few_triggers_amid_trouble_on_aws_have_their_effect_once(tmp_path: Path, seed: int) -> None:
    CloudStory(tmp_path, "ministack", SHORT, seed).run()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("double", "plan"), [pytest.param("ministack", LONGER, id="ministack"), pytest.param("moto", SHORTER, id="moto")]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_many_triggers_amid_trouble_on_aws_have_their_effect_once(
    tmp_path: Path, seed: int, double: str, plan: Plan
) -> None:
    CloudStory(tmp_path, double, plan, seed).run()
