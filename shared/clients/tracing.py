"""A store whose messages bear the trace of the request that they come from."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.messages import Message
from shared.model.records import Write
from shared.model.traces import TRACE, traced
from shared.ports.state import Store


class TracedStore:
    """Implements `ports.Store` by another one; only what is sent is changed on its way."""

    def __init__(self, store: Store) -> None:
        self._commit = store.commit
        self.get = store.get
        self.get_many = store.get_many
        self.query = store.query
        self.tidy = store.tidy

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Commit as the store does; raises what it raises."""
        parent = TRACE.get()
        self._commit(writes, [traced(one, parent) for one in messages] if parent else messages)
