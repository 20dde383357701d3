"""SQLite's result codes as sentences that an operator can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import Unavailable

_PRIMARY: Final = 0xFF

_SENTENCES: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another process: end that one, or wait until it is done",
    sqlite3.SQLITE_FULL: "cannot grow because the disk is full: free some space",
    sqlite3.SQLITE_CORRUPT: "is damaged: stop, keep a copy of it, and restore a backup",
    sqlite3.SQLITE_NOTADB: "is no SQLite database: move that file away, or restore a backup",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and belongs to this user",
    sqlite3.SQLITE_READONLY: "cannot be written: check the rights of the file and of its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written, the disk reports an error: check the disk",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the machine did to the file into `Unavailable`; mistakes in our own SQL pass as they are."""
    try:
        yield
    except sqlite3.Error as error:
        if failure := told(path, error):
            raise failure from error
        raise


def told(path: Path, error: sqlite3.Error) -> Unavailable | None:
    """Return what the machine did to the file, None if the mistake is ours."""
    sentence = _SENTENCES.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY)
    return Unavailable(f"the database {path} {sentence} ({error})") if sentence else None
