"""The message by which an event begins its way to the sinks, for whoever writes its row into the ledger."""

from __future__ import annotations

from shared.model.messages import Message
from shared.model.projects import Project
from shared.rules.sinks import heeds


def announced(project: Project | None, kind: str, verdict: str, event: str) -> tuple[Message, ...]:
    """Return the message that has a ledger row told to the project's sinks, none where no sink heeds it."""
    if project is None or not any(heeds(sink, f"{kind}.{verdict}") for sink in project.sinks):
        return ()
    ids = {"project": project.id, "kind": kind, "verdict": verdict, "event": event}
    return (Message(f"announce-{event}", "announce", "event", ids),)
