"""What calls of DynamoDB and SQS would be billed for, counted from the calls themselves.

Both doubles answer `ReturnConsumedCapacity` with constants, so the units are computed here by AWS's own rules, from the
items that were really read and written (DynamoDB Developer Guide, "Read and write operations" and "DynamoDB item
sizes and formats"): a consistent read is one unit per 4 KB, a write one per KB of the larger of what was and what is,
an item in a transaction twice that, a condition that fails as much as the write, a query what it evaluated, before its
filter.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.config import Config

from shared.clients.dynamodb import Aws
from tests.aws import new_client

_READ_UNIT, _WRITE_UNIT = 4096, 1024
_SMALL_NUMBER: Final = 2
_MEASURED: Final = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@dataclass
class Costs:
    """Requests to DynamoDB and to SQS by operation, read and write units; `messages` are the entries sent to SQS."""

    requests: Counter[str] = field(default_factory=Counter)
    reads: float = 0.0
    writes: float = 0.0
    messages: int = 0

    def as_numbers(self) -> tuple[int, float, float, int]:
        """Requests in all, read units, write units and messages."""
        return self.requests.total(), self.reads, self.writes, self.messages


@contextmanager
def counted(aws: Aws) -> Iterator[Costs]:
    """Count what is asked of AWS through these clients while the block lasts."""
    meter = _Meter(aws)
    clients = [(aws.table.client, "dynamodb"), (aws.alarms.client, "sqs")]
    for client, name in clients:
        client.meta.events.register(f"provide-client-params.{name}", meter.before)
        client.meta.events.register(f"after-call.{name}", meter.after)
    try:
        yield meter.costs
    finally:
        for client, name in clients:
            client.meta.events.unregister(f"provide-client-params.{name}", meter.before)
            client.meta.events.unregister(f"after-call.{name}", meter.after)


def size(item: dict[str, Any]) -> int:
    """Return how many bytes an item has: the names and the values of its attributes."""
    return sum(len(name.encode()) + _width(*next(iter(value.items()))) for name, value in item.items())


class _Meter:
    """Measures items through a client of its own, which is not counted."""

    def __init__(self, aws: Aws) -> None:
        self._quiet = new_client(aws.table.client.meta.endpoint_url, "dynamodb", Config())
        self._lock = threading.Lock()
        self.costs = Costs()

    def before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params
        if model.name in _MEASURED:
            context["sizes"] = self._sizes(model.name, params)

    def after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        name, params = model.name, context["asked"]
        reads = self._read(name, params, parsed)
        writes = self._written(name, params, context["sizes"]) if name in _MEASURED else 0
        with self._lock:
            self.costs.requests[name] += 1
            self.costs.reads += reads
            self.costs.writes += writes
            self.costs.messages += len(params.get("Entries", []))

    def _read(self, name: str, params: dict[str, Any], parsed: dict[str, Any]) -> float:
        if name == "GetItem":
            return _units([size(parsed.get("Item", {}))], _READ_UNIT)
        if name == "BatchGetItem":
            [(table, asked)] = params["RequestItems"].items()
            found = [size(item) for item in parsed["Responses"].get(table, [])]
            return sum(_units([one], _READ_UNIT) for one in found) + len(asked["Keys"]) - len(found)
        if name == "Query" and "Items" in parsed:
            return _units(self._evaluated(params, parsed), _READ_UNIT)
        return 0

    def _evaluated(self, params: dict[str, Any], parsed: dict[str, Any]) -> list[int]:
        """Return the sizes of what a query read, also of what its filter left out."""
        if parsed["ScannedCount"] == len(parsed["Items"]):
            return [size(item) for item in parsed["Items"]]
        condition = params["KeyConditionExpression"]
        values = {
            name: value for name, value in params["ExpressionAttributeValues"].items() if name in condition.split()
        }
        plain = {name: value for name, value in params.items() if name != "FilterExpression"}
        asked = plain | {"ExpressionAttributeValues": values, "Limit": parsed["ScannedCount"]}
        return [size(item) for item in self._quiet.query(**asked)["Items"]]

    def _written(self, name: str, params: dict[str, Any], were: list[int]) -> float:
        times = 2 if name == "TransactWriteItems" else 1
        pairs = zip(were, self._sizes(name, params), strict=True)
        return times * sum(_units([max(pair)], _WRITE_UNIT) for pair in pairs)

    def _sizes(self, name: str, params: dict[str, Any]) -> list[int]:
        """Return how large the items are that a write names; 0 for one that is not there."""
        requests = [params]
        if name == "TransactWriteItems":
            requests = [request for item in params["TransactItems"] for request in item.values()]
        return [self._size_at(request) for request in requests]

    def _size_at(self, request: dict[str, Any]) -> int:
        table = request["TableName"]
        key = request.get("Key") or {name: request["Item"][name] for name in ("pk", "sk")}
        return size(self._quiet.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}))


def _units(sizes: list[int], unit: int) -> int:
    return max(1, math.ceil(sum(sizes) / unit))


def _width(kind: str, value: Any) -> int:
    if kind == "N":
        return len(value.replace(".", "").strip("0")) // 2 + _SMALL_NUMBER
    return len(value.encode() if isinstance(value, str) else value)
