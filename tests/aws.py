"""Two doubles of AWS, independent of each other, as processes on loopback: moto's server and ministack."""

from __future__ import annotations

import atexit
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
import urllib3
from botocore.config import Config
from botocore.loaders import create_loader

from shared.clients.dynamodb import Aws
from shared.clients.dynamodb.alarms import Alarms
from shared.clients.dynamodb.calls import Table
from shared.clients.dynamodb.layout import EXPIRY, PARTITION_KEY, SORT_KEY, queue_name
from tests.infra.loop import free_port

ROOT: Final = Path(__file__).parents[1]
DOUBLES: Final = ("moto", "ministack")
REGION: Final = "eu-central-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}
_SECONDS: Final = 60.0
_LOADER: Final = create_loader()
"""Remembers what the SDK reads of each service, which takes longer than all else of making a client."""


@dataclass(frozen=True)
class Double:
    """A running double; `variables` let any process of AWS's SDK reach it."""

    name: str
    endpoint: str

    @property
    def variables(self) -> dict[str, str]:
        return CREDENTIALS | {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint}


@cache
def double(name: str) -> Double:
    """Return the double of that name, started at first use and ended with this process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws_serving", name, str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, process)
    made = Double(name, f"http://127.0.0.1:{port}")
    _wait_for(made, process)
    return made


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _wait_for(made: Double, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib3.request("GET", made.endpoint, retries=False, timeout=5)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{made.name} did not serve on {made.endpoint}")


@cache
def client(at: Double, service: str) -> Any:
    """Return a client of the double's service, one a process."""
    return new_client(at.endpoint, service, Config(retries={"mode": "standard"}, max_pool_connections=50))


def new_client(endpoint: str, service: str, config: Config) -> Any:
    """Return a client of the service that an endpoint serves."""
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)
    session.set_credentials("testing", "testing")
    return session.create_client(service, REGION, endpoint_url=endpoint, config=config)


def aws(at: Double, table: str) -> Aws:
    """Return what store and queue of a table share, on the double."""
    return Aws(Table(client(at, "dynamodb"), table), Alarms(client(at, "sqs"), table))


def create(at: Double, table: str, functions: Sequence[str] = ()) -> None:
    """Create the table and the queues of the functions, as the deployment does."""
    client(at, "dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (PARTITION_KEY, SORT_KEY)],
    )
    expiring = {"Enabled": True, "AttributeName": EXPIRY}
    client(at, "dynamodb").update_time_to_live(TableName=table, TimeToLiveSpecification=expiring)
    for function in functions:
        client(at, "sqs").create_queue(QueueName=queue_name(table, function))


def remove(at: Double, table: str, functions: Sequence[str] = ()) -> None:
    """Remove the table and the queues of the functions."""
    client(at, "dynamodb").delete_table(TableName=table)
    for function in functions:
        url = client(at, "sqs").get_queue_url(QueueName=queue_name(table, function))["QueueUrl"]
        client(at, "sqs").delete_queue(QueueUrl=url)
