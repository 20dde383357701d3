"""How a message is handed to its function, whoever carries it: what is sent, what the answer means, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from shared.model.messages import Claimed, Message
from shared.model.traces import NAME
from shared.ports.state import Queue
from shared.wire import cloudevents, standard_webhooks

TICK: Final = Message("reconcile-tick", "reconcile", "tick", {})
"""Asks for a look at all that can lag. Always the same id, and a queue keeps a message once: ticks do not pile up."""

_REASON: Final = 500
_SOONEST: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, and why; `seconds` is how long to wait, where the function says so."""

    kind: Literal["done", "not_yet", "failed"]
    reason: str = ""
    seconds: float | None = None


def path(message: Message) -> str:
    """Return where the function takes it."""
    return f"/internal/{message.function}"


def signed(message: Message, key: bytes, now: datetime) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a delivery, signed with the deployment's internal key; the trace is a header, too."""
    body = cloudevents.encode(message)
    headers = standard_webhooks.sign(key, message.id, int(now.timestamp()), body)
    trace = {NAME: message.ids[NAME]} if NAME in message.ids else {}
    return {**headers, "content-type": cloudevents.MEDIA_TYPE, **trace}, body


def settle(queue: Queue, claimed: Claimed, outcome: Outcome) -> None:
    """Tell the queue: done is forgotten, too early comes again without using up an attempt, a failure uses one up."""
    if outcome.kind == "done":
        queue.ack(claimed)
    elif outcome.kind == "failed":
        queue.nack(claimed, outcome.reason, outcome.seconds)
    else:
        queue.nack(claimed, outcome.reason, outcome.seconds, count=False)


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Return what an answer means: 2xx is done, 503 with `X-Not-Yet: true` too early, anything else a failure.

    After one with `X-Not-Known: true` it is tried again as late as `Retry-After` says.
    """
    if status // 100 == 2:  # noqa: PLR2004 - HTTP: success
        return Outcome("done")
    reason = f"{status}: {_detail(body)}"[:_REASON]
    if status == 503 and headers.get("X-Not-Yet") == "true":  # noqa: PLR2004 - HTTP: unavailable
        return Outcome("not_yet", reason, _seconds(headers.get("Retry-After", "")))
    late = headers.get("X-Not-Known") == "true"
    return Outcome("failed", reason, _seconds(headers.get("Retry-After", "")) if late else None)


def _seconds(text: str) -> float:
    return max(float(text), _SOONEST) if text.isascii() and text.isdigit() else 1.0


def _detail(body: bytes) -> str:
    try:
        problem: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return str(detail or body.decode(errors="replace") or "no reason was given")
