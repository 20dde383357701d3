"""One function on Cloud Run: Pub/Sub's pushes and Scheduler's ticks are taken here, all else is the function's own."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import flask
import msgspec

from infra.calling import deliver
from infra.delivering import TICK, Outcome, settle
from infra.gcp.settings import EntrySettings
from infra.gcp.tokens import CERTIFICATES, Certificates, Tokens
from infra.local.gateway import as_wsgi
from shared.clients.google import Google
from shared.clients.opening import open_queue, utc_now
from shared.edge.functions import Target, function
from shared.errors import BadInput, NotYet, Unavailable
from shared.model.calls import Answer, Call, Route
from shared.model.messages import Message
from shared.ports.state import Queue
from shared.rules.keys import internal_key
from shared.settings import State

MESSAGES: Final = "/google/messages"
"""Where a push subscription pushes to."""
TICKS: Final = "/google/ticks"
"""Where a job of Cloud Scheduler posts to."""
SLACK: Final = 30.0
"""Seconds that a lease outlasts a delivery."""
_LIMIT: Final = 1 << 16
_DONE: Final = Answer(204)


class _Data(msgspec.Struct):
    data: str = ""


class _Push(msgspec.Struct):
    message: _Data


@dataclass(frozen=True, slots=True)
class Entry:
    """Takes wake-ups from whoever has a token; a message is claimed, handed to the function, and settled.

    A push that came twice, or whose message is done, dead or unknown, does nothing. What failed or came too early is
    answered 503, upon which Pub/Sub comes again later.
    """

    tokens: Tokens
    settings: EntrySettings
    queue: Callable[[], Queue]
    deliver: Callable[[Message], Outcome]

    def routes(self) -> tuple[Route, Route]:
        """Return what answers Pub/Sub and Scheduler."""
        return Route("POST", MESSAGES, self.push, limit=_LIMIT), Route("POST", TICKS, self.tick, limit=_LIMIT)

    def push(self, call: Call) -> Answer:
        """Take one push."""
        self.tokens.verify(call.headers, self.settings.pubsub_account)
        queue = self.queue()
        claimed = queue.claim(_message_id(call.body), self.settings.delivery + SLACK)
        if claimed is None:
            return _DONE
        outcome = self.deliver(claimed.message)
        settle(queue, claimed, outcome)
        return _answer(outcome, f"message {claimed.message.id}")

    def tick(self, call: Call) -> Answer:
        """Have the look taken at once; a message would add nothing, since the next tick does as much."""
        self.tokens.verify(call.headers, self.settings.scheduler_account)
        return _answer(self.deliver(TICK), "the tick")


def load(target: str, source: Path, certificates: str = CERTIFICATES) -> Target:
    """Load a function, with the settings of the environment; return what stands in its place."""
    own = _target(target, source)
    state, settings = State.read(), EntrySettings.read()
    hand_over = partial(deliver, as_wsgi(own), key=internal_key(state.master_key), clock=utc_now)
    tokens = Tokens(Certificates(Google(anonymous=True), certificates), settings.audience)
    taken = function(*Entry(tokens, settings, partial(open_queue, state.store_url), hand_over).routes())

    def stand_in(request: flask.Request) -> flask.Response:
        return taken(request) if request.path in {MESSAGES, TICKS} else own(request)

    return stand_in


def _target(name: str, source: Path) -> Target:
    spec = importlib.util.spec_from_file_location("main", source)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Target = getattr(module, name)
    return found


def _message_id(body: bytes) -> str:
    try:
        return base64.b64decode(msgspec.json.decode(body, type=_Push).message.data, validate=True).decode()
    except (msgspec.DecodeError, ValueError) as error:
        raise BadInput("this is no push of Pub/Sub's with a message's id in it: leave the payload wrapped") from error


def _answer(outcome: Outcome, what: str) -> Answer:
    if outcome.kind == "done":
        return _DONE
    if outcome.kind == "not_yet":
        raise NotYet(f"{what} came too early: {outcome.reason}", outcome.seconds or 1.0)
    raise Unavailable(f"{what} failed: {outcome.reason}")
