"""What the store keeps: records under keys, written conditionally, with the messages that they cause."""

from __future__ import annotations

from typing import Final

import msgspec


class Key(msgspec.Struct, frozen=True, order=True):
    """A record's place: `partition` is what a query lists, `sort` orders it there (bytewise)."""

    partition: str
    sort: str


class Record(msgspec.Struct, frozen=True):
    """A stored value with the version that a conditional write names; versions start at 1."""

    key: Key
    value: bytes
    version: int


ABSENT: Final = 0
"""The version of a record that does not exist."""


class Put(msgspec.Struct, frozen=True):
    """Write `value` if the record's version is `expected` (`ABSENT`: only if new; `None`: whatever is there).

    A record that `ages` is absent, to readers and conditions, once the store's retention has passed since this write.
    """

    key: Key
    value: bytes
    expected: int | None = None
    ages: bool = False


class Delete(msgspec.Struct, frozen=True):
    """Remove the record if its version is `expected` (`None`: whatever is there, even nothing)."""

    key: Key
    expected: int | None = None


class Check(msgspec.Struct, frozen=True):
    """Write nothing, but fail the whole transaction unless the record's version is `expected`."""

    key: Key
    expected: int


Write = Put | Delete | Check
