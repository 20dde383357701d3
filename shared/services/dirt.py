"""Marks a project dirty: a counter moves, and with it goes the message that asks for a sync."""

from __future__ import annotations

import msgspec

from shared.model.experiments import SyncState
from shared.model.messages import Message
from shared.model.records import Write
from shared.ports.ambient import Ids
from shared.ports.state import Store
from shared.services.ledger import message
from shared.services.tables import SYNCS, Versioned


def dirty_writes(
    state: Versioned[SyncState], ids: Ids, project: str, traceparent: str = "", at: str = ""
) -> tuple[list[Write], list[Message]]:
    """Return the write and the message that make one more sync of the project due, in the trace of what asks for it.

    `at` is when a delivery came (RFC 3339 UTC); the first one's time stays until a sync has taken it in.
    """
    trace, first = traceparent or state.value.traceparent, state.value.hinted_at or at
    dirtier = msgspec.structs.replace(state.value, dirty=state.value.dirty + 1, traceparent=trace, hinted_at=first)
    return [SYNCS.replace(state, dirtier)], [message(ids, "sync", "project", project=project)]


def dirty(
    store: Store, ids: Ids, project: str, traceparent: str = "", at: str = ""
) -> tuple[list[Write], list[Message]]:
    """Return the same for the project's state as it is stored now."""
    return dirty_writes(SYNCS.load_or(store, SyncState(), project), ids, project, traceparent, at)
