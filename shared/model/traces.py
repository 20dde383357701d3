"""The trace that work belongs to, as W3C Trace Context writes it; log lines and messages bear it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

import msgspec

from shared.model.messages import Message

NAME: Final = "traceparent"
"""How the header is called, the attribute of a CloudEvent, and the entry beside a stored message's record ids."""

TRACE: Final[ContextVar[str]] = ContextVar("trace", default="")
"""The `traceparent` of the request that is being answered; empty outside of one."""

_PARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_of(parent: str) -> str:
    """Return the trace id, 32 hexadecimal digits, of a `traceparent`; empty where it is none (sections 3.2 and 4.3)."""
    found = _PARENT.fullmatch(parent)
    return found[2] if found and not (found[1] == "00" and found[3]) else ""


def traced(message: Message, parent: str) -> Message:
    """Return a message that bears a trace: its own if it has one, else `parent`."""
    return msgspec.structs.replace(message, ids={NAME: parent, **message.ids})


def records_of(message: Message) -> dict[str, str]:
    """Return the ids of the records that a message concerns, without its trace."""
    return {name: record for name, record in message.ids.items() if name != NAME}
