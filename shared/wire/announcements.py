"""What sinks are told: a CloudEvent 1.0 in structured JSON mode, or the payload that Standard Webhooks recommends.

Source of the fields: CloudEvents 1.0.2, "JSON Event Format", and its "Distributed Tracing" extension; the Standard
Webhooks specification, "Payload structure".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from shared.model.ledger import Event
from shared.model.projects import SinkKind
from shared.model.runs import Run
from shared.wire.standard_webhooks import key_of, sign

TYPE: Final = "org.litmuschaos.gitops."


class Announcement(msgspec.Struct, frozen=True):
    """A row of a project's ledger on its way out; `run` is the one it is about, as it is now."""

    project: str
    event: Event
    source: str
    traceparent: str
    run: Run | None = None

    @property
    def name(self) -> str:
        """The event's name, such as `run.completed`."""
        return f"{self.event.kind}.{self.event.verdict}"


def wired(told: Announcement, kind: SinkKind, secrets: Iterable[str], now: float) -> tuple[dict[str, str], bytes]:
    """Return headers and body, signed with each of the secrets; `now` is in seconds since 1970.

    The id is the ledger row's and always the same, so that a receiver knows what came before. `BadInput` if a secret
    is none.
    """
    media, body = _cloud_event(told) if kind == "cloudevents" else _webhook(told)
    headers = {"content-type": media, "traceparent": told.traceparent}
    return headers | _signed([key_of(secret) for secret in secrets], told.event.id, int(now), body), body


def _cloud_event(told: Announcement) -> tuple[str, bytes]:
    event = {
        "specversion": "1.0",
        "id": told.event.id,
        "type": TYPE + told.name,
        "source": told.source,
        "subject": told.event.subject or told.project,
        "time": told.event.at,
        "datacontenttype": "application/json",
        "traceparent": told.traceparent,
        "data": _data(told),
    }
    return "application/cloudevents+json", msgspec.json.encode(event)


def _webhook(told: Announcement) -> tuple[str, bytes]:
    payload = {"type": told.name, "timestamp": told.event.at, "data": _data(told)}
    return "application/json", msgspec.json.encode(payload)


def _data(told: Announcement) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.to_builtins(told.event)
    return {"project": told.project, **event, "run": msgspec.to_builtins(told.run)}


def _signed(keys: list[bytes], identity: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks with one signature a key, none without keys."""
    return sign(keys[0], identity, now, body, keys[1:]) if keys else {}
