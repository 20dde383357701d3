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

ID: Final = slice(3, 35)
"""Where in a trace context of version 00 the id of the trace stands."""

SPAN: Final = slice(36, 52)
"""Where that of the span stands."""

_FIELDS: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_SAMPLED: Final = 1
"""The one flag that version 00 knows; the others must not be passed on."""


def valid(text: str) -> str:
    """Return a trace context in version 00, empty where the text is none (section 3.2.2)."""
    found = _FIELDS.fullmatch(text)
    if found is None:
        return ""
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not (trace.strip("0") and span.strip("0")):
        return ""
    return f"00-{trace}-{span}-{int(flags, 16) & _SAMPLED:02x}"


def trace_of(parent: str) -> str:
    """Return the trace id, 32 hexadecimal digits, of a trace context; empty where it is none."""
    return valid(parent)[ID]


def traced(message: Message, parent: str) -> Message:
    """Return a message that bears a trace: its own if it has one, else `parent`, which may be empty for none."""
    if not parent:
        return message
    return msgspec.structs.replace(message, ids={NAME: parent, **message.ids})


def records_of(message: Message) -> dict[str, str]:
    """Return the ids of the records that a message concerns, without its trace."""
    return {name: record for name, record in message.ids.items() if name != NAME}
