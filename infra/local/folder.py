"""The data folder: one engine at a time, and the secrets that it makes for itself."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import Misconfigured


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and hold it for this process: `Misconfigured` names the process that already does.

    The lock is the kernel's, so it ends with the process, however that ends.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            sentence = f"{folder} is in use by process {holder}: stop that one, or set DATA_DIR to another folder"
            raise Misconfigured(sentence) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def furnish(folder: Path) -> None:
    """Make the master key and the folder of given secrets, unless they are there."""
    for name in ("keys", "secrets"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    kept(folder / "keys" / "master", secrets.token_hex(32))


def kept(path: Path, fresh: str) -> str:
    """Return the secret in the file, which becomes `fresh` if there is no file; only its owner may read it.

    The file appears whole or not at all: a key that was cut short would lock everyone out.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(f"{fresh}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path.read_text(encoding="utf-8").strip()
