"""Messages between functions as CloudEvents 1.0 in structured JSON mode, carrying record ids only.

The trace that a message bears is the attribute `traceparent` (the extension "Distributed Tracing").
"""

from __future__ import annotations

import msgspec

from shared.errors import BadInput
from shared.model.messages import Message
from shared.model.traces import NAME, records_of

MEDIA_TYPE = "application/cloudevents+json"
_TYPE = "org.litmuschaos.gitops."


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    source: str
    data: dict[str, str]
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    traceparent: str | msgspec.UnsetType = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Event)


def encode(message: Message) -> bytes:
    """Return the message as a CloudEvent; its type names function and action."""
    kind = f"{_TYPE}{message.function}.{message.action}"
    trace = message.ids.get(NAME, msgspec.UNSET)
    return msgspec.json.encode(_Event(message.id, kind, "/litmus-gitops", records_of(message), traceparent=trace))


def decode(body: bytes) -> Message:
    """Return the message in a CloudEvent, but for its trace, or `BadInput` naming what is wrong with it."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"no CloudEvent in structured JSON mode: {error}") from error
    function, _, action = event.type.removeprefix(_TYPE).partition(".")
    if not event.type.startswith(_TYPE) or not action:
        raise BadInput(f"CloudEvent type {event.type[:80]!r} is not one of ours: {_TYPE}<function>.<action>")
    return Message(event.id, function, action, event.data)
