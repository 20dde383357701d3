"""Carries one message to its function over HTTP and reads from the answer what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import urllib3

from infra.local.settings import HOST
from shared.model.messages import Message
from shared.ports.ambient import Clock
from shared.wire import cloudevents, standard_webhooks

_REASON: Final = 500
_SOONEST: Final = 0.1
_CONNECT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, and why; `seconds` is how long to wait where it was only too early."""

    kind: Literal["done", "not_yet", "failed"]
    reason: str = ""
    seconds: float | None = None


class Courier:
    """POSTs messages to `/internal/{function}`, signed with the deployment's internal key.

    `patience` is how many seconds a function may take.
    """

    def __init__(self, port: int, key: bytes, clock: Clock, *, patience: float, connections: int) -> None:
        self._key = key
        self._clock = clock
        timeout = urllib3.Timeout(connect=_CONNECT, read=patience)
        self._pool = urllib3.HTTPConnectionPool(HOST, port, maxsize=connections, timeout=timeout, retries=False)

    def deliver(self, message: Message) -> Outcome:
        """Deliver once; an answer that never came is a failure like any other."""
        body = cloudevents.encode(message)
        signed = standard_webhooks.sign(self._key, message.id, int(self._clock().timestamp()), body)
        headers = signed | {"content-type": cloudevents.MEDIA_TYPE}
        try:
            answer = self._pool.request(
                "POST", f"/internal/{message.function}", body=body, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            return Outcome("failed", f"no answer: {error}"[:_REASON])
        return read_answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Return what an answer means: 2xx is done, 503 with `X-Not-Yet: true` too early, anything else a failure."""
    if status // 100 == 2:  # noqa: PLR2004 - HTTP: success
        return Outcome("done")
    reason = f"{status}: {_detail(body)}"[:_REASON]
    if status == 503 and headers.get("X-Not-Yet") == "true":  # noqa: PLR2004 - HTTP: unavailable
        return Outcome("not_yet", reason, _seconds(headers.get("Retry-After", "")))
    return Outcome("failed", reason)


def _seconds(text: str) -> float:
    return max(float(text), _SOONEST) if text.isascii() and text.isdigit() else 1.0


def _detail(body: bytes) -> str:
    try:
        problem: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return str(detail or body.decode(errors="replace") or "no reason was given")
