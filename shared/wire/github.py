"""GitHub's webhook deliveries (Gitea, Forgejo and their kin send the same).

Source of the rules: GitHub's documentation, "Validating webhook deliveries" and "Webhook events and payloads", push.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from shared.errors import Unauthenticated
from shared.model.deliveries import Delivery, Ignored
from shared.wire.pushes import Secret, delivery_id, matching, read_push

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
    """Return what a verified delivery says; an event other than `push` is a named `Ignored`."""
    event, delivery = headers.get(EVENT, ""), delivery_id(headers.get("x-github-delivery"), body)
    if event != "push":
        return Ignored(delivery, f"the event {event[:60]!r} changes no experiment")
    return read_push(body, delivery, "github")
