"""Where the engine under test keeps its state: a file in its data folder, or a schema of its own on a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests import postgresql

Place = Callable[[Path], str]


def in_file(folder: Path) -> str:
    """Return the URL of the store in the data folder below, as the engine has it where nothing else is said."""
    return f"sqlite:{folder / 'data' / 'litmus-gitops.db'}"


def on_server(_: Path) -> str:
    """Return the URL of a fresh store on the server of this process."""
    server = postgresql.server()
    return server.url(server.new_schema())
