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


class Pull(msgspec.Struct, frozen=True):
    """A verified pull or merge request: a hint that request `number` into branch `target` is to be looked at.

    `action` is the host's own word; `head` is the commit that it names, empty where the request has none yet.
    """

    delivery: str
    number: int
    action: str
    head: str
    target: str
    speaker: Literal["github", "gitlab"]


class Ignored(msgspec.Struct, frozen=True):
    """A verified delivery that is not for us, and why."""

    delivery: str
    why: str


Hint = Push | Pull
Delivery = Hint | Ignored
