"""When a token ends, as GitHub says with each of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

HEADER: Final = "github-authentication-token-expiration"


def ends(headers: Mapping[str, str]) -> datetime | None:
    """Return the end that an answer names, such as `2026-12-24 15:20:25 UTC`; None where it names none."""
    with suppress(ValueError):
        return datetime.strptime(headers.get(HEADER, "").replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z")
    return None
