"""Deliveries: one inbound webhook call, verified."""

from __future__ import annotations

from typing import Literal

import msgspec


class Push(msgspec.Struct, frozen=True):
    """A verified push: a hint that `ref` moved, never the truth of what is there."""

    delivery: str
    ref: str
    before: str
    after: str
    speaker: Literal["github", "gitlab", "git"]


class Ignored(msgspec.Struct, frozen=True):
    """A verified delivery that is not for us, and why."""

    delivery: str
    why: str


Delivery = Push | Ignored
