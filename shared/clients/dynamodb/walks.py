"""Walks over the shards of the messages: all of them are read, so the cost grows with what is waiting, nothing else."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from shared.clients.dynamodb import layout
from shared.clients.dynamodb.calls import Table
from shared.clients.dynamodb.layout import Item, number, text

_PAGE: Final = 500
_SOME: Final = 25


def shard(
    table: Table, partition: str, *, where: str = "", values: Item | None = None, page: int = _PAGE
) -> Iterator[Item]:
    """Read one shard by message id."""
    filtered = {"FilterExpression": where} if where else {}
    return table.pages(
        KeyConditionExpression=f"{layout.PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": text(partition)} | (values or {}),
        Limit=page,
        **filtered,
    )


def every(table: Table, kind: str, *, where: str = "", values: Item | None = None) -> Iterator[Item]:
    """Read every shard, one after the other."""
    for partition in layout.shards(kind):
        yield from shard(table, partition, where=where, values=values)


def not_of(leave: Sequence[str]) -> tuple[str, Item]:
    """Return a condition that leaves functions alone, and what stands for their names in it."""
    values = {f":leave{place}": text(name) for place, name in enumerate(leave)}
    return (f"NOT receiver IN ({', '.join(values)})" if values else ""), values


def due(table: Table, now: float, leave: Sequence[str], limit: int) -> tuple[list[Item], bool]:
    """Return messages that can be claimed, of each shard at least `limit` if it has as many, and whether those are all.

    They are in any order, so that those who look at once do not all reach for the same ones.
    """
    others, values = not_of(leave)
    where = " AND ".join(one for one in ("visible_at <= :now", others) if one)
    most, found, complete = max(limit, _SOME), list[Item](), True
    for partition in layout.shards(layout.MESSAGE):
        items = shard(table, partition, where=where, values=values | {":now": number(now)}, page=min(most, _PAGE))
        taken = list(islice(items, most))
        complete = complete and len(taken) < most
        found += taken
    random.shuffle(found)
    return found, complete


def merged(table: Table, kind: str, after: str | None, limit: int) -> list[Item]:
    """Return the first items of all shards together, by message id, from beyond `after`."""
    lists = [_first(table, partition, after, limit) for partition in layout.shards(kind)]
    return list(islice(heapq.merge(*lists, key=lambda item: item[layout.SORT_KEY]["S"]), limit))


def count(table: Table, kind: str) -> int:
    """Count the items of all shards."""
    return sum(1 for _ in every(table, kind))


def _first(table: Table, partition: str, after: str | None, limit: int) -> Iterator[Item]:
    beyond = {":after": text(after)} if after else {}
    return table.pages(
        KeyConditionExpression=f"{layout.PARTITION_KEY} = :partition"
        + (f" AND {layout.SORT_KEY} > :after" if after else ""),
        ExpressionAttributeValues={":partition": text(partition)} | beyond,
        Limit=min(limit, _PAGE),
    )
