"""Where everything stands in the one table, and how its queues are called."""

from __future__ import annotations

import zlib
from typing import Any, Final

from shared.model.records import Key

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
EXPIRY: Final = "expires_at"
"""The table's TTL attribute: whole seconds since 1970."""

SHARDS: Final = 8
"""Over how many partitions messages, and dead letters, are spread. Never change it: ids would be looked for elsewhere.

One partition takes 1,000 write units a second (DynamoDB Developer Guide, "Partition keys and throughput"), and a
message costs four of them: two to be sent, one to be claimed, one to be done.
"""

_MOST_OF_PARTITION_KEY: Final = 2048
MOST_OF_SORT_KEY: Final = 1024
"""Bytes of UTF-8."""

MESSAGE, DEAD = "message", "dead"

Item = dict[str, Any]


def text(value: str) -> Item:
    """Return a string as DynamoDB writes it."""
    return {"S": value}


def number(value: float) -> Item:
    """Return a number as DynamoDB writes it; a float comes back as it went."""
    return {"N": repr(value)}


def binary(value: bytes) -> Item:
    """Return bytes as DynamoDB writes them."""
    return {"B": value}


def place(partition: str, sort: str) -> Item:
    """Return the primary key of an item."""
    return {PARTITION_KEY: text(partition), SORT_KEY: text(sort)}


def records(partition: str) -> str:
    """Return where the records of a partition stand."""
    return f"record/{partition}"


def record(key: Key) -> Item:
    """Return where a record stands; DynamoDB orders strings by their UTF-8 bytes, as the port asks for."""
    return place(records(key.partition), key.sort)


def fits(key: Key) -> bool:
    """Tell whether DynamoDB can have a record there (Developer Guide, "Constraints": sizes of key attributes)."""
    partition = len(records(key.partition).encode())
    return partition <= _MOST_OF_PARTITION_KEY and 0 < len(key.sort.encode()) <= MOST_OF_SORT_KEY


def shards(kind: str) -> list[str]:
    """Return every partition of the messages or of the dead letters."""
    return [f"{kind}/{shard}" for shard in range(SHARDS)]


def sharded(kind: str, message_id: str) -> Item:
    """Return where a message or a dead letter stands."""
    return place(f"{kind}/{zlib.crc32(message_id.encode()) % SHARDS}", message_id)


def queue_name(table: str, function: str) -> str:
    """Return the SQS queue whose messages wake a function."""
    return f"{table}-{function}"
