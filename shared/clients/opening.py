"""Opens the parts that settings name; engines are imported only when they are chosen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from shared.clients.secrets import SecretReferences
from shared.errors import Misconfigured
from shared.ports.state import Queue, Store


def utc_now() -> datetime:
    """Return now, aware, in UTC."""
    return datetime.now(UTC)


def open_store(url: str) -> Store:
    """Return the store that `STORE_URL` names: `sqlite:<path>`."""
    from shared.clients.sqlite import SqliteStore, open_database  # noqa: PLC0415 - only the chosen engine loads

    return SqliteStore(open_database(_path(url)))


def open_queue(url: str) -> Queue:
    """Return the queue beside the store that `STORE_URL` names."""
    from shared.clients.sqlite import SqliteQueue, open_database  # noqa: PLC0415 - only the chosen engine loads

    return SqliteQueue(open_database(_path(url)), utc_now)


def open_secrets(folder: Path) -> SecretReferences:
    """Return the resolver of references to given secrets."""
    return SecretReferences(folder)


def _path(url: str) -> Path:
    scheme, _, path = url.partition(":")
    if scheme != "sqlite" or not path:
        raise Misconfigured(f"STORE_URL={url!r} names no engine: use sqlite:<path>")
    return Path(path)
