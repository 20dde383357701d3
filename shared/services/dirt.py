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
    state: Versioned[SyncState], ids: Ids, project: str, traceparent: str = ""
) -> tuple[list[Write], list[Message]]:
    """Return the write and the message that make one more sync of the project due, in the trace of what asks for it."""
    trace = traceparent or state.value.traceparent
    dirtier = msgspec.structs.replace(state.value, dirty=state.value.dirty + 1, traceparent=trace)
    return [SYNCS.replace(state, dirtier)], [message(ids, "sync", "project", project=project)]


def dirty(store: Store, ids: Ids, project: str, traceparent: str = "") -> tuple[list[Write], list[Message]]:
    """Return the same for the project's state as it is stored now."""
    return dirty_writes(SYNCS.load_or(store, SyncState(), project), ids, project, traceparent)
