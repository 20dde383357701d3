"""Clients of AWS, one set a table and process; region, endpoint and credentials come from AWS's own variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from shared.clients.dynamodb.alarms import Alarms
from shared.clients.dynamodb.calls import Table
from shared.errors import Misconfigured

CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=50,
)
"""Who waits is an API server, for ten seconds at most; the SDK repeats what was throttled or not answered in time."""


@dataclass(frozen=True, slots=True)
class Aws:
    """What a table's store and queue share, each with its client."""

    table: Table
    alarms: Alarms


@cache
def connected(table: str) -> Aws:
    """Return this process's clients for a table: `Misconfigured` where no region is set."""
    session = botocore.session.get_session()
    try:
        dynamodb, sqs = (session.create_client(name, config=CONFIG) for name in ("dynamodb", "sqs"))
    except BotoCoreError as error:
        raise Misconfigured(
            f"STORE_URL names the table {table} of DynamoDB, but {error}: set AWS_DEFAULT_REGION"
        ) from error
    return Aws(Table(dynamodb, table), Alarms(sqs, table))
