"""Versions, alone and as the tags of images, in the order of Semantic Versioning 2.0.0, section 11."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

Version: TypeAlias = tuple[object, ...]

_VERSION: Final = re.compile(
    r"[vV]?([0-9]{1,18}(?:\.[0-9]{1,18}){0,4})(?:-([0-9A-Za-z.-]{1,100}))?(?:\+[0-9A-Za-z.-]{1,100})?", re.ASCII
)
_IMAGE: Final = re.compile(
    r"((?:[A-Za-z0-9.-]{1,100}:[0-9]{1,5}/)?[a-z0-9._/-]{1,255}):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
    r"(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_LETTER: Final = re.compile("[a-z]")


class Image(NamedTuple):
    """An image with a tag; a digest beside the tag does not matter here."""

    name: str
    tag: str


def version(text: str) -> Version | None:
    """Return what orders a version such as `1.10`, `v1.2.3` or `1.18-alpine` among others, or None.

    Trailing zeros do not matter, a pre-release comes before its release, and what follows a `+` is not looked at.
    """
    found = _VERSION.fullmatch(text)
    if not found:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), _pre_release(found[2])


def image(text: str) -> Image | None:
    """Return the name and tag of `[host[:port]/]name:tag[@digest]`, or None; a time such as `10:30` is none."""
    found = _IMAGE.fullmatch(text)
    return Image(found[1], found[2]) if found and _LETTER.search(found[1]) else None


def _pre_release(text: str | None) -> Version:
    if text is None:
        return (1,)
    parts = text.split(".")
    return 0, *((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
