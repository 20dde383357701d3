"""Deliveries of a plain git server's `post-receive` hook: `{"ref", "before", "after"}`, signed as Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import Unauthenticated
from shared.model.deliveries import Delivery
from shared.wire import standard_webhooks
from shared.wire.pushes import Secret, delivery_id, matching, read_push


def speaks(headers: Mapping[str, str]) -> bool:
    """Whether a delivery is signed as Standard Webhooks."""
    return "webhook-signature" in headers


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret], now: float) -> Secret:
    """Return the secret that signed the delivery; `now` is in seconds since 1970 UTC."""
    keys = {secret.reference: standard_webhooks.key_of(secret.value) for secret in secrets}
    standard_webhooks.verify(keys.values(), headers, body, now)
    return matching(secrets, lambda secret: _signed_by(keys[secret.reference], headers, body, now))


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return the push that a verified delivery names."""
    return read_push(body, delivery_id(headers.get("webhook-id"), body), "git")


def _signed_by(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    try:
        standard_webhooks.verify([key], headers, body, now)
    except Unauthenticated:
        return False
    return True
