"""One function on Lambda: what calls it, and what it makes of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Protocol
from wsgiref.types import WSGIApplication

import functions_framework

from infra.aws.batches import Batches
from infra.aws.requests import Event, Requests
from infra.calling import deliver
from infra.delivering import TICK, Outcome
from shared.clients.opening import open_queue, utc_now
from shared.errors import Misconfigured, Unavailable
from shared.model.messages import Message
from shared.rules.keys import internal_key
from shared.settings import State

_KNOWN = "a request (payload format 2.0), a batch of SQS, or a tick of EventBridge Scheduler"


class Context(Protocol):
    """What Lambda says of the call."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left until Lambda ends the call."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Hands each event to the function's own application, the way a server would.

    `batches` is opened at the first batch, since most functions never get one.
    """

    requests: Callable[[Event, object], Event]
    deliver: Callable[[Message], Outcome]
    batches: Callable[[], Batches]

    def handle(self, event: Event, context: Context) -> Event | None:
        """Answer a request, take a batch, or tick: `Misconfigured` for other events, `Unavailable` if a tick fails."""
        match event:
            case {"requestContext": {"http": _}}:
                return self.requests(event, context)
            case {"Records": [{"eventSource": "aws:sqs"}, *_]}:
                return self.batches().take(event["Records"], lambda: context.get_remaining_time_in_millis() / 1000)
            case {"tick": _} | {"detail-type": "Scheduled Event"}:
                self._tick()
                return None
            case _:
                raise Misconfigured(f"this event is none that a function takes: send {_KNOWN}")

    def _tick(self) -> None:
        """Have the look taken at once; a message would add nothing, since the next tick does as much."""
        outcome = self.deliver(TICK)
        if outcome.kind != "done":
            raise Unavailable(f"no look was taken this time: {outcome.reason}")


def load(target: str, source: Path) -> Entry:
    """Load a function, with the settings of the environment."""
    app: WSGIApplication = functions_framework.create_app(target, str(source), "http")  # type: ignore[no-untyped-call] # it has no types
    state = State.read()
    hand_over = partial(deliver, app, key=internal_key(state.master_key), clock=utc_now)
    return Entry(Requests(app), hand_over, cache(partial(_batches, state.store_url, hand_over)))


def _batches(store_url: str, hand_over: Callable[[Message], Outcome]) -> Batches:
    from infra.aws.visibility import open_visibility  # noqa: PLC0415 - a function without messages never needs it

    return Batches(open_queue(store_url), hand_over, open_visibility())
