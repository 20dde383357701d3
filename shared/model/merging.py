"""What makes the merge of a manifest out of git's side of it: fields and items that come from the portal's side."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Step: TypeAlias = str | int
Path: TypeAlias = tuple[Step, ...]
"""Keys and indexes (from 0) that lead from the top of a manifest to a field or an item."""


class Take(msgspec.Struct, frozen=True):
    """The field or item at `path` in git's side becomes what the portal has at `source`."""

    path: Path
    source: Path


class Add(msgspec.Struct, frozen=True):
    """The portal's field or item at `source` goes into git's container at `path`, behind `after` (None: first)."""

    path: Path
    after: Step | None
    source: Path


class Drop(msgspec.Struct, frozen=True):
    """The field or item at `path` in git's side goes."""

    path: Path


Change: TypeAlias = Take | Add | Drop
