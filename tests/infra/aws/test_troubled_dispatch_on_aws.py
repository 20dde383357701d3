"""The same trouble on DynamoDB and SQS: kills, records that come twice, throttling and lost answers."""

from __future__ import annotations

import secrets
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
from tests.infra.test_troubled_dispatch import SLICE, Story
from tests.infra.troubled import Engine, Home
from tests.payloads import SEED

LONGER = replace(SLICE, triggers=600, clusters=8, experiments=20, kills=8)
SOON = "5"


def on_aws(folder: Path, double: str, seed: int) -> Home:
    """Return a deployment on a double of AWS, whose queues show a record again soon."""
    at, table, functions = aws.double(double), f"troubled-{uuid.uuid4()}", bundling.names(AWS)
    aws.create(at, table, functions)
    sqs = aws.client(at, "sqs")
    for function in functions:
        url = sqs.get_queue_url(QueueName=queue_name(table, function))["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": SOON})
    master = secrets.token_bytes(32)
    told = at.variables | {
        "STORE_URL": f"dynamodb:{table}",
        "MASTER_KEY": master.hex(),
        "TROUBLE": str(seed),
        "DOUBLE": double,
    }
    engine = Engine(folder, "tests.infra.aws.troubled_cloud", **told, PUBLIC_URL="https://x", ALLOW_LOCAL="true")
    parts = aws.aws(at, table)
    store, queue = DynamoStore(parts.table, parts.alarms, utc_now), DynamoQueue(parts.table, parts.alarms, utc_now)
    return Home(engine, master, store, queue, lambda: aws.remove(at, table, functions))


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
def test_a_few_triggers_amid_trouble_on_aws_have_their_effect_once(tmp_path: Path, seed: int) -> None:
    Story(tmp_path, SLICE, seed, on_aws(tmp_path, "ministack", seed)).run()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("double", aws.DOUBLES)
@pytest.mark.parametrize("seed", [20_260_101, SEED], ids=lambda seed: f"seed-{seed}")
def test_many_triggers_amid_trouble_on_aws_have_their_effect_once(tmp_path: Path, seed: int, double: str) -> None:
    Story(tmp_path, LONGER, seed, on_aws(tmp_path, double, seed)).run()
