"""Writes as DynamoDB does them: each with the condition that its expectation means."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Any, Final

from shared.clients.dynamodb import layout
from shared.clients.dynamodb.layout import EXPIRY, Item, binary, number
from shared.errors import TooLarge
from shared.model.records import ABSENT, Check, Key, Put, Record, Write

MOST_BYTES: Final = 400 * 1024
"""What DynamoDB takes in one item, names and key included."""
_OVERHEAD: Final = 256
_PACK_FROM: Final = 1024

_AGED: Final = f"{EXPIRY} <= :now"
_ABSENT: Final = f"attribute_not_exists(pk) OR {_AGED}"
STAYS: Final = f"(attribute_not_exists({EXPIRY}) OR {EXPIRY} > :now)"
"""What every reader and condition asks of a record: TTL removes what aged within days, not at once."""
_AT_VERSION: Final = f"version = :version AND {STAYS}"


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a commit, and when what it writes has aged; in seconds since 1970, None for never."""

    now: float
    expiry: float | None

    @property
    def values(self) -> Item:
        """What conditions compare with."""
        return {":now": number(self.now)}

    def ends(self, write: Put) -> Item:
        """Return the attribute that tells when the record has aged, if it ever does."""
        return {EXPIRY: number(math.ceil(self.expiry))} if write.ages and self.expiry is not None else {}


def put(write: Put, moment: Moment, version: int) -> Item:
    """Return the request that writes the whole item, if the record has the expected version."""
    item = layout.record(write.key) | _content(write) | moment.ends(write) | {"version": number(version + 1)}
    return {"Item": item} | _expecting(version, moment)


def planned(write: Write, moment: Moment, *, leftover: bool) -> Item:
    """Return the write as an item of a transaction.

    `leftover` tells of a put on whatever is there that an aged item, not yet removed, is in its way.
    """
    if isinstance(write, Put) and write.expected is None:
        return {"Put": put(write, moment, ABSENT)} if leftover else {"Update": _raising(write, moment)}
    if isinstance(write, Put):
        return {"Put": put(write, moment, write.expected or ABSENT)}
    here = {"Key": layout.record(write.key)}
    if isinstance(write, Check):
        return {"ConditionCheck": here | _expecting(write.expected, moment)}
    return {"Delete": here if write.expected is None else here | _expecting(write.expected, moment)}


def read(key: Key, item: Item) -> Record:
    """Return the record that an item holds."""
    content = zlib.decompress(item["packed"]["B"]) if "packed" in item else item["content"]["B"]
    return Record(key, content, int(item["version"]["N"]))


def stays(item: Item, now: float) -> bool:
    """Tell whether there is an item, and it has not aged."""
    return bool(item) and (EXPIRY not in item or float(item[EXPIRY]["N"]) > now)


def version_of(item: Item, now: float) -> int:
    """Return the version of the record that was found, `ABSENT` for none."""
    return int(item["version"]["N"]) if stays(item, now) else ABSENT


def _expecting(version: int, moment: Moment) -> Item:
    if version == ABSENT:
        return _only_if(_ABSENT, moment.values)
    return _only_if(_AT_VERSION, moment.values | {":version": number(version)})


def _only_if(condition: str, values: Item) -> Item:
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _raising(write: Put, moment: Moment) -> Item:
    """Return the update that writes whatever is there and raises its version by one."""
    sets = _content(write) | moment.ends(write)
    removed = [name for name in ("content", "packed", EXPIRY) if name not in sets]
    assigned = ", ".join(f"{name} = :{name}" for name in sets)
    values = {f":{name}": value for name, value in sets.items()} | {":none": number(0), ":one": number(1)}
    return {
        "Key": layout.record(write.key),
        "UpdateExpression": f"SET {assigned}, version = if_not_exists(version, :none) + :one "
        f"REMOVE {', '.join(removed)}",
    } | _only_if(STAYS, moment.values | values)


def _content(write: Put) -> Item:
    """Return the value, deflated where that makes it smaller: units are counted by the kilobyte."""
    packed = zlib.compress(write.value, 1) if len(write.value) >= _PACK_FROM else write.value
    kept: dict[str, Any] = (
        {"packed": binary(packed)} if len(packed) < len(write.value) else {"content": binary(write.value)}
    )
    size = min(len(packed), len(write.value)) + len(write.key.partition.encode()) + len(write.key.sort.encode())
    if size + _OVERHEAD > MOST_BYTES:
        raise TooLarge(
            f"{write.key.partition}/{write.key.sort} would be {size} bytes in DynamoDB, "
            f"which takes {MOST_BYTES - _OVERHEAD}: make it smaller"
        )
    return kept
