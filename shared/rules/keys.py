"""Every secret that we issue is derived from one master key, so none is stored and a higher version rotates it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

SUBSCRIBER = "subscriber"
"""Purpose of the key that a cluster's subscriber and we sign with."""

ACCESS_KEY = "access-key"
"""Purpose of the token that Litmus' own event tracker on a cluster is given as its ACCESS_KEY."""


def derive(master: bytes, purpose: str, *parts: str) -> bytes:
    """Return 32 bytes: HMAC-SHA-256 of `purpose/part/…` under the master key."""
    return hmac.digest(master, "/".join((purpose, *parts)).encode(), hashlib.sha256)


@lru_cache(1024)
def token(master: bytes, purpose: str, cluster: str, version: int) -> str:
    """Return the token for a webhook path of a cluster: 43 characters that need no escaping in a URL."""
    return base64.urlsafe_b64encode(derive(master, purpose, cluster, str(version))).rstrip(b"=").decode()


@lru_cache(1024)
def subscriber_key(master: bytes, cluster: str, version: int) -> bytes:
    """Return the key that signs orders to a cluster's subscriber and reports from it."""
    return derive(master, SUBSCRIBER, cluster, str(version))


def internal_key(master: bytes) -> bytes:
    """Return the key that signs messages between our own functions."""
    return derive(master, "internal", "1")


def shown(key: bytes) -> str:
    """Return a signing key as Standard Webhooks writes it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(key).decode()


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def matching(secrets: Sequence[str], given: str) -> int | None:
    """Return the place of the secret that was given, None if it is none of them; all are compared, in constant time."""
    held = [same(one, given) for one in secrets]
    return held.index(True) if any(held) else None
