"""A store whose messages bear the trace of the request that they come from."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.messages import Message
from shared.model.records import Write
from shared.model.traces import TRACE, traced
from shared.ports.state import Batch, Store


class TracedStore:
    """Implements `ports.Store` by another one; only what is sent is changed on its way."""

    def __init__(self, store: Store) -> None:
        self._commit = store.commit
        self._commit_each = store.commit_each
        self.get = store.get
        self.get_many = store.get_many
        self.query = store.query
        self.query_many = store.query_many
        self.tidy = store.tidy

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Commit as the store does; raises what it raises."""
        self._commit(writes, _traced(messages))

    def commit_each(self, batches: Sequence[Batch]) -> None:
        """Commit each as the store does."""
        self._commit_each([(writes, _traced(messages)) for writes, messages in batches])


def _traced(messages: Sequence[Message]) -> Sequence[Message]:
    parent = TRACE.get()
    return [traced(one, parent) for one in messages]
