"""GitLab's webhook deliveries, with a secret token or a signing token.

Source of the rules: GitLab's documentation, "Webhooks" (delivery headers, signing tokens) and "Webhook events".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from shared.errors import Unauthenticated
from shared.model.deliveries import Delivery, Ignored, Pull, Push
from shared.wire import git_hook
from shared.wire.pushes import Commit, Number, Ref, Secret, Word, decoded, delivery_id, matching, read_push

EVENT = "x-gitlab-event"
TOKEN = "x-gitlab-token"  # noqa: S105 - a header's name


def speaks(headers: Mapping[str, str]) -> bool:
    """Whether a delivery is in GitLab's manner."""
    return EVENT in headers or TOKEN in headers


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret], now: float) -> Secret:
    """Return the secret that signed the delivery, or else that equals `X-Gitlab-Token`.

    Where `webhook-signature` is present it must pass: there is no falling back to the token.
    """
    if "webhook-signature" in headers:
        return git_hook.verify(headers, body, secrets, now)
    given = headers.get(TOKEN, "").encode()
    if not given:
        raise Unauthenticated("unsigned: set a secret token or a signing token in the webhook's settings")
    return matching(secrets, lambda secret: hmac.compare_digest(secret.value.encode(), given))


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return what a verified delivery says; an event that is not in `EVENTS` is a named `Ignored`."""
    given = headers.get("idempotency-key") or headers.get("webhook-id") or headers.get("x-gitlab-event-uuid")
    event, delivery = headers.get(EVENT, ""), delivery_id(given, body)
    read_event = EVENTS.get(event)
    if read_event is None:
        return Ignored(delivery, _WHY.get(event, f"the event {event[:60]!r} changes no experiment"))
    return read_event(body, delivery)


class _Commit(msgspec.Struct, frozen=True):
    id: Commit


class _Attributes(msgspec.Struct, frozen=True):
    iid: Number
    target_branch: Ref
    action: Word | None = None
    last_commit: _Commit | None = None


class _MergeBody(msgspec.Struct, frozen=True):
    object_attributes: _Attributes


_merges = msgspec.json.Decoder(_MergeBody)


def _push(body: bytes, delivery: str) -> Push:
    return read_push(body, delivery, "gitlab")


def _merge(body: bytes, delivery: str) -> Delivery:
    said = decoded(_merges, body, "merge request").object_attributes
    action, head = said.action or "", said.last_commit.id if said.last_commit else ""
    if action not in ACTIONS:
        return Ignored(delivery, f"{action!r} of a merge request changes nothing that it would merge")
    return Pull(delivery, said.iid, action, head, said.target_branch, "gitlab")


EVENTS: Final[Mapping[str, Callable[[bytes, str], Delivery]]] = {"Push Hook": _push, "Merge Request Hook": _merge}
"""The events that we act on, by `X-Gitlab-Event`, and how their bodies are read."""

ACTIONS: Final = frozenset({"open", "update", "reopen", "close", "merge"})
"""What of a merge request's life changes what it would merge, or whether; GitLab's own test delivery names none."""

_WHY: Final = {
    "System Hook": "a system hook tells of every project of the instance: add a webhook to this project instead"
}
