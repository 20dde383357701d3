"""Digests of what the API server sent: equal exactly where two values are the same JSON."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
import rfc8785

from shared.model.changes import Side

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's copy of the whole object: it repeats what the object says, a Secret's values included."""

NEVER_COUNTS: Final = frozenset({"metadata", "status"})
"""What of an object is outside the watched part."""

SENSITIVE: Final = {"Secret": ("data", "stringData")}
"""Fields whose values are sealed wherever they are seen, by kind."""

SEAL: Final = "hmac-sha256:"
"""How the text begins that stands in place of a sealed value."""

_EXACT: Final = 1 << 53
_NUMBER: Final = re.compile(rb'[:\[,](?=[-0-9])(?:(?<=":)|(?<=[\[,]))-?[0-9]+(?:[.eE]|[0-9]{15})')
_ASTRAL: Final = re.compile(rb"[\xf0-\xf4]")
"""What JSON with sorted keys may write otherwise than RFC 8785: numbers that are no short integers, and characters
beyond the Basic Multilingual Plane, which sort otherwise in UTF-16. A string that only looks so is no harm: it is slow.
Each pattern begins with a set of bytes, so that the search skips all others at once.
"""


def canonical(value: Any) -> bytes:
    """Return the value's RFC 8785 JSON.

    RFC 8785 numbers are IEEE 754 doubles. An integer from 2^53 on would lose digits as one, so it is written as the
    string of its digits and an `n`, which keeps neighbours apart.
    """
    plain = msgspec.json.encode(value, order="sorted")
    if not _delicate(plain):
        return plain
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_spelled(value))


def _delicate(plain: bytes) -> bool:
    """Whether RFC 8785 may write it otherwise."""
    return bool(_NUMBER.search(b"[" + plain)) or not (plain.isascii() or _ASTRAL.search(plain) is None)


def digest(value: object) -> str:
    """Return the SHA-256 of the value's RFC 8785 JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


NULL: Final = digest(None)
"""The digest of a field that is gone."""


def counted(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts of an object by default: everything outside metadata and status."""
    return {name: value for name, value in obj.items() if name not in NEVER_COUNTS}


def content(obj: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return the object as it is kept: less status, managedFields and the last-applied annotation, values sealed.

    Each value of a Secret becomes its own HMAC under `key`: what is kept still tells which of them changed, and never
    what they are.
    """
    kept = {name: value for name, value in obj.items() if name != "status"}
    if isinstance(obj.get("metadata"), dict):
        kept["metadata"] = _metadata(obj["metadata"])
    for field in SENSITIVE.get(str(obj.get("kind")), ()):
        if isinstance(kept.get(field), dict):
            kept[field] = {name: seal(value, key) for name, value in kept[field].items()}
    return kept


def key_name(secret: bytes) -> str:
    """Return a name by which two sides show that they were sealed under the same key."""
    return hashlib.sha256(b"sealed under " + secret).hexdigest()[:16]


def seal(value: object, key: bytes) -> str:
    """Return what stands in place of a value: equal for equal values under one key, and no way back."""
    return SEAL + _hmac(value, key)


def side(obj: Mapping[str, Any], key: bytes) -> Side:
    """Return one sight of an object; the digest of a Secret is an HMAC under `key`, that of any other kind a SHA-256.

    `obj` is as the API server sent it, with its kind and apiVersion (the items of a list lack them).
    """
    metadata: Mapping[str, Any] = obj.get("metadata") or {}
    kind = str(obj.get("kind"))
    return Side(
        uid=str(metadata.get("uid") or ""),
        content=content(obj, key),
        digest=_hmac(counted(obj), key) if kind in SENSITIVE else digest(counted(obj)),
        generation=_generation(metadata.get("generation")),
        partial=kind == "Scale",
        under=key_name(key) if kind in SENSITIVE else "",
    )


@lru_cache(1024)
def sealing_key(subscriber_key: bytes) -> bytes:
    """Return the key under which a cluster's sensitive values are sealed, here and by its subscriber."""
    return hmac.digest(subscriber_key, b"sealing", hashlib.sha256)


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        kept["annotations"] = {name: value for name, value in metadata["annotations"].items() if name != LAST_APPLIED}
    return kept


def _generation(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


def _hmac(value: object, key: bytes) -> str:
    return hmac.digest(key, canonical(value), hashlib.sha256).hex()


def _spelled(value: Any) -> Any:
    match value:
        case dict():
            return {name: _spelled(item) for name, item in value.items()}
        case list():
            return [_spelled(item) for item in value]
        case int() if abs(value) >= _EXACT:
            return f"{value}n"
        case _:
            return value
