"""Deliveries of a plain git server's `post-receive` hook: `{"ref", "before", "after"}`, signed as Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from shared.errors import BadInput, Unauthenticated
from shared.model.deliveries import Delivery
from shared.wire import standard_webhooks
from shared.wire.pushes import Secret, delivery_id, read_push


def speaks(headers: Mapping[str, str]) -> bool:
    """Whether a delivery is signed as Standard Webhooks."""
    return "webhook-signature" in headers


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret], now: float) -> Secret:
    """Return the secret that signed the delivery; `now` is in seconds since 1970 UTC."""
    keys = _keys(secrets)
    standard_webhooks.verify([key for _, key in keys], headers, body, now)
    made = [secret for secret, key in keys if _signed_by(key, headers, body, now)]
    return made[0]


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return the push that a verified delivery names."""
    return read_push(body, delivery_id(headers.get("webhook-id"), body), "git")


def _keys(secrets: Sequence[Secret]) -> list[tuple[Secret, bytes]]:
    """Return the secrets that hold a key; a mangled one does not keep the others from working."""
    found: list[tuple[Secret, bytes]] = []
    for secret in secrets:
        with suppress(BadInput):
            found.append((secret, standard_webhooks.key_of(secret.value)))
    return found


def _signed_by(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    try:
        standard_webhooks.verify([key], headers, body, now)
    except Unauthenticated:
        return False
    return True
