"""Reads each record once: for a look at many things that depend on much the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from shared.model.messages import Message
from shared.model.records import Key, Record, Write
from shared.ports.state import Batch, Store


@dataclass(frozen=True, slots=True)
class Remembering:
    """A store as it was at the first look; whoever commits looks afresh after that.

    A list is read anew each time, unless `query_many` has read it whole.

    It lives as long as one look. What is decided by it stands under the same conditions as ever: versions that a commit
    names, and rules that are asked again before anything starts.
    """

    store: Store
    seen: dict[Key, Record | None] = field(default_factory=dict)
    lists: dict[str, list[Record]] = field(default_factory=dict)

    def get(self, key: Key) -> Record | None:
        """Return the record as it was at the first look, or None."""
        try:
            return self.seen[key]
        except KeyError:
            found = self.seen[key] = self.store.get(key)
            return found

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those that exist; what was not seen yet is read together."""
        seen = {key: self.seen[key] for key in keys if key in self.seen}
        if new := [key for key in keys if key not in seen]:
            read = {**dict.fromkeys(new), **self.store.get_many(new)}
            self.seen.update(read)
            seen |= read
        return {key: found for key in keys if (found := seen[key])}

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Record]:
        """List a partition as it is now, or as it was when it was read with others."""
        if partition in self.lists and not newest_first:
            found = (one for one in self.lists[partition] if one.key.sort.startswith(prefix))
            return list(islice((one for one in found if after is None or one.key.sort > after), limit))
        return self.store.query(partition, prefix=prefix, after=after, limit=limit, newest_first=newest_first)

    def query_many(self, partitions: Sequence[str], limit: int = 100) -> dict[str, list[Record]]:
        """List partitions as they are now, and remember those that end within the limit."""
        found = self.store.query_many(partitions, limit)
        self.lists.update({partition: rows for partition, rows in found.items() if len(rows) < limit})
        return found

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do what the store does, and forget what was seen, whatever comes of it."""
        try:
            self.store.commit(writes, messages)
        finally:
            self._forget()

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Do what the store does, and forget as well."""
        try:
            self.store.commit_each(batches)
        finally:
            self._forget()

    def tidy(self, limit: int = 1000) -> int:
        """Do what the store does."""
        return self.store.tidy(limit)

    def _forget(self) -> None:
        self.seen.clear()
        self.lists.clear()
