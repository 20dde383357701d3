"""GitLab's webhook deliveries, with a secret token or a signing token.

Source of the rules: GitLab's documentation, "Webhooks" (delivery headers, signing tokens) and "Webhook events".
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from shared.errors import Unauthenticated
from shared.model.deliveries import Delivery, Ignored
from shared.wire import git_hook
from shared.wire.pushes import Secret, delivery_id, matching, read_push

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
    """Return what a verified delivery says; an event other than a branch push is a named `Ignored`."""
    given = headers.get("idempotency-key") or headers.get("webhook-id") or headers.get("x-gitlab-event-uuid")
    event, delivery = headers.get(EVENT, ""), delivery_id(given, body)
    if event != "Push Hook":
        return Ignored(delivery, f"the event {event[:60]!r} changes no experiment")
    return read_push(body, delivery, "gitlab")
