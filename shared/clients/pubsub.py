"""Pub/Sub as an alarm clock: whoever is pushed a message's id claims it from the database."""

from __future__ import annotations

import base64
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from shared.clients.google import Google
from shared.errors import LitmusGitopsError
from shared.model.calls import Answer

_log = logging.getLogger("litmus_gitops.pubsub")

_BATCH: Final = 1000
"""Messages that one request may publish (`projects.topics.publish`)."""
_PATIENCE: Final = 5.0
_HINTS: Final = {
    403: "let this service account have roles/pubsub.publisher on it",
    404: "create it, with a push subscription to the function",
}

Alarm = tuple[str, str]
"""The function that is to be woken, and the id of the message that is for it."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Publishes ids to the topics `<prefix>-<function>`; `prefix` begins with `projects/P/topics/`.

    What cannot be published is logged and left: the message is in the database, and `Store.tidy` publishes it again.
    All of it together takes some seconds at most, since whoever committed is waiting.
    """

    google: Google
    prefix: str
    endpoint: str = "https://pubsub.googleapis.com"

    def publish(self, alarms: Iterable[Alarm]) -> None:
        """Publish all of them in as few requests as possible; never raises."""
        by_function: dict[str, list[str]] = {}
        for function, message_id in alarms:
            by_function.setdefault(function, []).append(message_id)
        until = time.monotonic() + _PATIENCE
        for function, ids in by_function.items():
            for batch in _batches(ids):
                self._publish(function, batch, until)

    def _publish(self, function: str, ids: list[str], until: float) -> None:
        url = f"{self.endpoint}/v1/{self.prefix}-{function}:publish"
        document = {"messages": [{"data": base64.b64encode(one.encode()).decode()} for one in ids]}
        reason = "Pub/Sub was too slow with those before"
        if time.monotonic() < until:
            try:
                reason = _refusal(self.google.call("POST", url, document))
            except LitmusGitopsError as error:
                reason = str(error)
        if reason:
            _log.warning(
                "%d messages of %s wait for the next tidying: %s", len(ids), f"{self.prefix}-{function}", reason
            )


def open_topics(prefix: str, environment: Mapping[str, str] = os.environ) -> Topics:
    """Return the topics of a prefix; PUBSUB_EMULATOR_HOST leads to an emulator, as in Google's own libraries."""
    emulator = environment.get("PUBSUB_EMULATOR_HOST")
    if emulator:
        return Topics(Google(anonymous=True), prefix, f"http://{emulator}")
    return Topics(Google(), prefix)


def _refusal(answer: Answer) -> str:
    if answer.status // 100 == 2:  # noqa: PLR2004 - HTTP: success
        return ""
    return f"status {answer.status}: {_HINTS.get(answer.status, 'it is tried again')}"


def _batches(ids: list[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while batch := list(islice(left, _BATCH)):
        yield batch
