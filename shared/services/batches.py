"""Writes that are too many for one commit, in as few as hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from shared.model.records import Put, Write
from shared.services.ordering import Work

T = TypeVar("T")

WRITES: Final = 90
"""Writes and messages a batch: a commit takes 100, and its conditions count among them."""

BYTES: Final = 3 << 20
"""Bytes a batch: DynamoDB takes 4 MB in one transaction."""


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in their order, in batches within `WRITES` and `BYTES`."""
    yield from (list(bundle.writes) for bundle in bundles(Work((write,)) for write in writes))


def bundles(works: Iterable[Work]) -> Iterator[Work]:
    """Yield the work in its order, in bundles within `WRITES` and `BYTES`; what belongs together stays together."""
    bundle, size = Work(), 0
    for work in works:
        more = sum(len(write.value) for write in work.writes if isinstance(write, Put))
        if _count(bundle) and (_count(bundle) + _count(work) > WRITES or size + more > BYTES):
            yield bundle
            bundle, size = Work(), 0
        bundle += work
        size += more
    if _count(bundle):
        yield bundle


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield what comes, in parts of at most `size`."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def _count(work: Work) -> int:
    return len(work.writes) + len(work.messages)
