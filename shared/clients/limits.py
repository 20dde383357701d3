"""What every store engine promises about one commit, checked before it touches its database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.model.messages import Message
from shared.model.records import Write

MAX_WRITES: Final = 100
"""Writes and messages in one commit: the bound of DynamoDB's `TransactWriteItems`, kept by every engine."""


def check_commit(writes: Sequence[Write], messages: Sequence[Message]) -> None:
    """Refuse what no engine could do; a `ValueError`, because only the calling code can be wrong."""
    if len(writes) + len(messages) > MAX_WRITES:
        raise ValueError(
            f"a commit of {len(writes)} writes and {len(messages)} messages: at most {MAX_WRITES} fit, split it"
        )
    seen = set()
    for write in writes:
        if write.key in seen:
            raise ValueError(f"{write.key.partition}/{write.key.sort} is written twice in one commit: merge the two")
        seen.add(write.key)


def check_limit(limit: int) -> None:
    """Refuse a page without rows; a `ValueError`, because only the calling code can be wrong."""
    if limit < 1:
        raise ValueError(f"a limit of {limit}: ask for at least one")
