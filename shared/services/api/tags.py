"""Entity tags: the versions of what the API shows, and what `If-Match` says that a caller saw (RFC 9110, 13.1.1)."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

from shared.errors import BadInput, Conflict
from shared.model.calls import Call

_TAGS: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W/)?"[\x21\x23-\x7e]*")*', re.ASCII)
_TAG: Final = re.compile(r'"([^"]*)"')
_BARE: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x7e]+", re.ASCII)


def tagged(version: str) -> dict[str, str]:
    """Return the `ETag` header of a version."""
    return {"ETag": f'"{version}"'}


def version_of(shown: dict[str, Any]) -> str:
    """Return the version of settings: the same for the same content, whatever else was written meanwhile."""
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()[:20]


def seen(call: Call) -> tuple[str, ...] | None:
    """Return the versions that the caller saw, None where it does not say, or says that any will do (`*`).

    A tag without its quotes is taken, too: people type them.
    """
    text = call.headers.get("if-match", "").strip()
    if text in {"", "*"}:
        return None
    if _TAGS.fullmatch(text):
        return tuple(_TAG.findall(text))
    if _BARE.fullmatch(text):
        return (text,)
    raise BadInput('If-Match is no list of entity tags such as "0beec7b5": send an ETag as it was answered')


def check_seen(call: Call, version: str) -> None:
    """Refuse a caller who saw another version than the present one."""
    versions = seen(call)
    if versions is not None and version not in versions:
        raise Conflict("these settings were changed since you read them: read them anew and change that")
