"""What is around a service, as Protocols: time, ids, counters and secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, always aware and in UTC."""

    def __call__(self) -> datetime:
        """Return now."""
        ...


class Ids(Protocol):
    """New identifiers that sort by the time they were made; characters `[A-Za-z0-9_-]`."""

    def __call__(self) -> str:
        """Return an id that no one else has."""
        ...


class Counters(Protocol):
    """Counts what happens, for `/metrics`; names are documented in `shared/edge/metrics.py`."""

    def __call__(self, name: str, **labels: str) -> None:
        """Add one to the counter of this name and these labels; never raises."""
        ...


class Secrets(Protocol):
    """Resolves references to secrets; values never leave the process."""

    def __call__(self, reference: str) -> str:
        """Return the secret's value: `Misconfigured` names the reference, never the value."""
        ...
