"""Opens the parts that settings name; engines are imported only when they are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.clients.clock import utc_now
from shared.clients.secrets import SecretReferences
from shared.clients.tracing import TracedStore
from shared.errors import Misconfigured
from shared.ports.state import Queue, Store, Wakeful

__all__ = ["ENGINES", "WAKEFUL", "open_queue", "open_secrets", "open_store", "open_wakeful", "utc_now"]


def open_store(url: str, retention: float | None = None) -> Store:
    """Return the store that `STORE_URL` names: `sqlite:<path>`, `postgresql://…` or `dynamodb:<table>`.

    `retention` is how many seconds a record stays that ages. Raises `Misconfigured` if the URL names no engine.
    """
    with _bundled(url):
        return TracedStore(_engine(url)[0](url, retention))


def open_queue(url: str) -> Queue:
    """Return the queue beside the store that `STORE_URL` names."""
    with _bundled(url):
        return _engine(url)[1](url)


def open_wakeful(url: str) -> Wakeful:
    """Return the queue for a process that takes messages off it all the time; `Misconfigured` where none can wait."""
    scheme = url.partition(":")[0]
    if scheme not in WAKEFUL:
        known = " or ".join(WAKEFUL)
        raise Misconfigured(f"STORE_URL names an engine, {scheme!r}, that wakes no process of its own: use {known}")
    with _bundled(url):
        return WAKEFUL[scheme](url)


def open_secrets(folder: Path) -> SecretReferences:
    """Return the resolver of references to given secrets."""
    return SecretReferences(folder)


def _sqlite_store(url: str, retention: float | None) -> Store:
    from shared.clients.sqlite import SqliteStore, open_database  # noqa: PLC0415 - only the chosen engine loads

    return SqliteStore(open_database(_path(url)), utc_now, retention)


def _sqlite_queue(url: str) -> Wakeful:
    from shared.clients.sqlite import SqliteQueue, open_database  # noqa: PLC0415 - only the chosen engine loads

    return SqliteQueue(open_database(_path(url)), utc_now)


def _postgresql_store(url: str, retention: float | None) -> Store:
    from shared.clients.postgresql import PostgresqlStore, open_database  # noqa: PLC0415 - only the chosen engine loads

    database = open_database(url)
    return PostgresqlStore(database, utc_now, retention, _forwarding(database.place.topics))


def _postgresql_queue(url: str) -> Wakeful:
    from shared.clients.postgresql import PostgresqlQueue, open_database  # noqa: PLC0415 - only the chosen engine loads

    database = open_database(url)
    return PostgresqlQueue(database, utc_now, forward=_forwarding(database.place.topics))


def _forwarding(topics: str | None) -> Callable[[Iterable[tuple[str, str]]], None] | None:
    if topics is None:
        return None
    from shared.clients.pubsub import open_topics  # noqa: PLC0415 - only where messages are published

    return open_topics(topics).publish


def _path(url: str) -> Path:
    return Path(url.partition(":")[2])


def _dynamodb_store(url: str, retention: float | None) -> Store:
    from shared.clients.dynamodb import DynamoStore, connected  # noqa: PLC0415 - only the chosen engine loads

    aws = connected(url.partition(":")[2])
    return DynamoStore(aws.table, aws.alarms, utc_now, retention)


def _dynamodb_queue(url: str) -> Queue:
    from shared.clients.dynamodb import DynamoQueue, connected  # noqa: PLC0415 - only the chosen engine loads

    aws = connected(url.partition(":")[2])
    return DynamoQueue(aws.table, aws.alarms, utc_now)


_Engine = tuple[Callable[[str, float | None], Store], Callable[[str], Queue]]

ENGINES: Final[Mapping[str, _Engine]] = {
    "sqlite": (_sqlite_store, _sqlite_queue),
    "postgresql": (_postgresql_store, _postgresql_queue),
    "dynamodb": (_dynamodb_store, _dynamodb_queue),
}
"""How store and queue of each engine are opened, by the scheme of the URL."""

WAKEFUL: Final[Mapping[str, Callable[[str], Wakeful]]] = {"sqlite": _sqlite_queue, "postgresql": _postgresql_queue}
"""How the queue is opened of the engines that tell a process of its own when there is something to do."""

_FORMS: Final = "sqlite:<path>, postgresql://user@host/database or dynamodb:<table>"


def _engine(url: str) -> _Engine:
    scheme, _, rest = url.partition(":")
    if scheme not in ENGINES or not rest:
        raise Misconfigured(f"STORE_URL names no engine in {scheme!r}: use {_FORMS}")
    return ENGINES[scheme]


@contextmanager
def _bundled(url: str) -> Iterator[None]:
    """Say so where a bundle was made for a deployment that has another engine."""
    try:
        yield
    except ModuleNotFoundError as error:
        scheme = url.partition(":")[0]
        raise Misconfigured(
            f"STORE_URL chooses {scheme!r}, but {error.name} was left out of this bundle: set the STORE_URL of its "
            "deployment, or bundle the function for one that has that engine"
        ) from error
