"""The way in for messages: verified, read, and handed to the action that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.errors import NotKnown
from shared.model.calls import Answer, Call
from shared.model.messages import Message
from shared.model.traces import traced
from shared.ports.ambient import Clock
from shared.wire import cloudevents, standard_webhooks
from shared.wire.traces import continued

Action = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Inbox:
    """Answers `POST /internal/{function}`: 204 done, 503 try again later, 4xx never."""

    key: bytes
    clock: Clock
    actions: Mapping[str, Action]

    def __call__(self, call: Call) -> Answer:
        """Run the action of a signed message, which bears the trace that it comes in.

        One that is not known here comes from a newer release, which a rolling upgrade may bring here as well: it comes
        again with long pauses, for about an hour, and is a dead letter after that.
        """
        standard_webhooks.verify([self.key], call.headers, call.body, self.clock().timestamp())
        message = traced(cloudevents.decode(call.body), continued(call.headers))
        if message.action not in self.actions:
            known = ", ".join(sorted(self.actions))
            raise NotKnown(f"no action {message.action!r} here: this function knows {known}")
        self.actions[message.action](message)
        return Answer(204)
