"""Texts that are stored by their git blob, for as long as anything refers to them."""

from __future__ import annotations

import msgspec


class Unused(msgspec.Struct, frozen=True):
    """A text that nothing was seen to refer to: since when (RFC 3339 UTC), as the version that it had by then."""

    since: str
    version: int
