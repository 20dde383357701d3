"""Standard Webhooks 1.0 signatures: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

Source of the rules: the Standard Webhooks specification, "Verifying webhook authenticity" and "Signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

from shared.errors import BadInput, Unauthenticated

TOLERANCE = 300
"""How far a timestamp may be from now, in seconds, either way."""

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key bytes of a `whsec_` secret; any other text is its own key."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise BadInput("the signing secret starts with whsec_ but what follows is not base64: paste it whole")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes, former: Iterable[bytes] = ()) -> dict[str, str]:
    """Return the three headers for a body; `timestamp` is in seconds since 1970 UTC.

    Each `former` key adds a signature, for receivers that do not have the newest one yet.
    """
    signatures = ("v1," + _signature(one, message_id, str(timestamp), body) for one in (key, *former))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def verify(keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Return the message id once one of the keys made the signature, within `TOLERANCE` of `now`.

    `headers` have lower-case names. Raises `Unauthenticated` otherwise, and says which part failed.
    """
    return verify_by(tuple(keys), headers, body, now)[0]


def verify_by(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> tuple[str, int]:
    """Return the message id as `verify` does, and the place of the first key that made a signature.

    Each key is compared with each signature, whichever matches.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and timestamp and headers.get("webhook-signature")):
        raise Unauthenticated("unsigned: the headers webhook-id, webhook-timestamp and webhook-signature are needed")
    _check_age(timestamp, now)
    expected = [_signature(key, message_id, timestamp, body).encode() for key in keys]
    given = _given(headers["webhook-signature"])
    held = [sum(hmac.compare_digest(one, other) for other in given) > 0 for one in expected]
    if True not in held:
        raise Unauthenticated("webhook-signature does not match: sender and receiver hold different secrets")
    return message_id, held.index(True)


def _check_age(timestamp: str, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - year 33658
        raise Unauthenticated("webhook-timestamp is no number of seconds since 1970")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise Unauthenticated(f"webhook-timestamp is more than {TOLERANCE} s from our time: check both clocks")


def _given(header: str) -> list[bytes]:
    versions = (part.partition(",") for part in header.split(" "))
    return [signature.encode() for version, _, signature in versions if version == "v1"]


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
