"""Writes that are too many for one commit, in as few as hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from shared.model.records import Put, Write

WRITES: Final = 90
"""Writes a batch: a commit takes 100, and its conditions count among them."""

BYTES: Final = 3 << 20
"""Bytes a batch: DynamoDB takes 4 MB in one transaction."""


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in their order, in batches within `WRITES` and `BYTES`."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        more = len(write.value) if isinstance(write, Put) else 0
        if batch and (len(batch) == WRITES or size + more > BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += more
    if batch:
        yield batch


def pages(items: list[str], size: int) -> Iterator[list[str]]:
    """Yield a list in parts of at most `size`."""
    yield from (items[start : start + size] for start in range(0, len(items), size))
