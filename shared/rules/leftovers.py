"""Which stored texts nothing needs any longer.

A text is forgotten where two looks, days apart, found nothing that refers to it, and nobody wrote it in between. So it
is safe from whoever begins to refer to it: an older text is written anew first, and the newest one of a file, which is
not, was read less than days ago.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.texts import Unused

LOOK: Final = timedelta(days=7)
"""After which a project's texts are looked through again, about."""

KEPT: Final = timedelta(days=5)
"""How long an unused text is kept at least: shorter than from one look to the next, however these are spread."""


class Leftovers(msgspec.Struct, frozen=True):
    """What a look found, by blob: texts `unused` as of now, those `used` again, and those `over`, to be removed."""

    unused: dict[str, Unused]
    used: tuple[str, ...]
    over: tuple[str, ...]


def leftovers(
    texts: Mapping[str, int], marks: Mapping[str, Unused], used: Collection[str], now: datetime, at: str
) -> Leftovers:
    """Return what to remember of `texts` (blob → version), and which to forget, by the `marks` of earlier looks."""
    idle = {blob: version for blob, version in texts.items() if blob not in used}
    known = {blob for blob, version in idle.items() if blob in marks and marks[blob].version == version}
    return Leftovers(
        unused={blob: Unused(at, version) for blob, version in idle.items() if blob not in known},
        used=tuple(sorted(marks.keys() - idle.keys())),
        over=tuple(sorted(blob for blob in known if now - datetime.fromisoformat(marks[blob].since) >= KEPT)),
    )
