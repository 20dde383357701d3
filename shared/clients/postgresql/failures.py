"""PostgreSQL's error codes as sentences that an operator can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from shared.errors import Invalid, Unavailable

_SENTENCES: Final = {
    "08": "closed the connection: it is opened again at the next call",
    "25006": "takes no writes, as a standby does: name the primary in STORE_URL (target_session_attrs=read-write)",
    "26": "forgot a statement that was prepared: a pooler between is not to prepare statements of its own",
    "3D": "does not exist: create it, or name another in STORE_URL",
    "28": "refuses this user: check user, password (PGPASSFILE) and pg_hba.conf",
    "42501": "does not let this user do that: make the user its owner, or grant what the message names",
    "42P01": "has lost a table of ours: restore a backup",
    "53100": "cannot grow because its disk is full: free some space",
    "53200": "is out of memory: see the server's log",
    "53300": "has no connection left: raise max_connections, or put a pooler in front of it",
    "53": "is out of a resource: see the server's log",
    "55P03": "is locked by another session: end that one, or wait until it is done",
    "57014": "took too long over a statement: see the server's load and its locks (pg_stat_activity)",
    "57P": "is being stopped or started: wait until it is up",
    "58": "reports an error of its machine: see the server's log",
    "XX": "is damaged or met an error of its own: see the server's log",
}
_AT_CONNECTING: Final = {
    "password authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "does not exist": "3D",
    "too many clients": "53300",
    "connection slots": "53300",
    "starting up": "57P",
    "shutting down": "57P",
}
"""What tells, in a server's refusal, which it is: libpq hands on no code before a connection stands."""

AGAIN: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
"""What the server took back as a whole, so that trying again is safe."""


def lost(error: psycopg.Error) -> bool:
    """Return whether it was the connection that ended, rather than a statement that failed."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08")[:3] in {"08", "080", "57P"}


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what befell the database into `Unavailable`; mistakes in our own SQL pass as they are."""
    try:
        yield
    except psycopg.DataError as error:
        if "NUL" not in str(error):
            raise
        raise Invalid("a name or a text holds the character NUL, which PostgreSQL does not keep") from error
    except psycopg.Error as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        raise Unavailable(f"the database {name} {sentence} ({_first_line(error)})") from error


def _sentence(error: psycopg.Error) -> str | None:
    code = error.sqlstate
    if code is None:
        return _of_connecting(str(error)) if isinstance(error, psycopg.OperationalError) else None
    return next((_SENTENCES[code[:size]] for size in (5, 3, 2) if code[:size] in _SENTENCES), None)


def _of_connecting(text: str) -> str:
    known = next((code for words, code in _AT_CONNECTING.items() if words in text), None)
    return _SENTENCES[known] if known else "does not answer: check that it runs, and its address in STORE_URL"


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
