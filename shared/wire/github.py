"""GitHub's webhook deliveries (Gitea, Forgejo and their kin send the same).

Source of the rules: GitHub's documentation, "Validating webhook deliveries" and "Webhook events and payloads",
push and pull_request; Gitea's, "Webhooks".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from shared.errors import Unauthenticated
from shared.model.deliveries import Delivery, Ignored, Pull, Push
from shared.wire.pushes import Commit, Number, Ref, Secret, Word, decoded, delivery_id, matching, read_push

EVENT = "x-github-event"
SIGNATURE = "x-hub-signature-256"


def speaks(headers: Mapping[str, str]) -> bool:
    """Whether a delivery is in GitHub's manner."""
    return EVENT in headers or SIGNATURE in headers


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret], _now: float) -> Secret:
    """Return the secret that made `X-Hub-Signature-256`, compared in constant time; GitHub signs no time."""
    given = headers.get(SIGNATURE, "").encode()
    if not given:
        raise Unauthenticated("unsigned: set a secret in the webhook's settings so that X-Hub-Signature-256 is sent")
    return matching(secrets, lambda secret: hmac.compare_digest(signature(secret.value, body), given))


def signature(secret: str, body: bytes) -> bytes:
    """Return the value of `X-Hub-Signature-256` for a body."""
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return what a verified delivery says; an event that is not in `EVENTS` is a named `Ignored`."""
    event, delivery = headers.get(EVENT, ""), delivery_id(headers.get("x-github-delivery"), body)
    read_event = EVENTS.get(event)
    if read_event is None:
        return Ignored(delivery, f"the event {event[:60]!r} changes no experiment")
    return read_event(body, delivery)


class _Head(msgspec.Struct, frozen=True):
    sha: Commit


class _Base(msgspec.Struct, frozen=True):
    ref: Ref


class _PullRequest(msgspec.Struct, frozen=True):
    head: _Head
    base: _Base


class _PullBody(msgspec.Struct, frozen=True):
    action: Word
    number: Number
    pull_request: _PullRequest


_pulls = msgspec.json.Decoder(_PullBody)


def _push(body: bytes, delivery: str) -> Push:
    return read_push(body, delivery, "github")


def _pull(body: bytes, delivery: str) -> Delivery:
    said = decoded(_pulls, body, "pull_request")
    if said.action not in ACTIONS:
        return Ignored(delivery, f"{said.action!r} of a pull request changes nothing that it would merge")
    request = said.pull_request
    return Pull(delivery, said.number, said.action, request.head.sha, request.base.ref, "github")


EVENTS: Final[Mapping[str, Callable[[bytes, str], Delivery]]] = {"push": _push, "pull_request": _pull}
"""The events that we act on, by `X-GitHub-Event`, and how their bodies are read."""

ACTIONS: Final = frozenset(
    {"opened", "synchronize", "synchronized", "reopened", "closed", "edited", "ready_for_review", "converted_to_draft"}
)
"""What of a pull request's life changes what it would merge, or whether; `synchronized` is Gitea's word."""
