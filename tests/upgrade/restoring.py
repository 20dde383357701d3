"""What a former release left behind, laid out again for today's."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from infra.local.folder import furnish
from shared.clients.sqlite.schema import STEPS, migrate
from tests.gitserver import git

RELEASES = sorted(Path(__file__).parent.glob("*.json"))
SCHEMA_STEPS = 1
"""How many steps of the schema the recorded release took."""


def recorded(path: Path, folder: Path | None = None, subscriber: str = "") -> dict[str, Any]:
    """Return a recording, with a folder and a subscriber's address in place of those it was made with."""
    text = path.read_text()
    text = text.replace("@FOLDER@", str(folder)).replace("@SUBSCRIBER@", subscriber)
    found: dict[str, Any] = json.loads(text)
    return found


def restore(left: dict[str, Any], folder: Path) -> None:
    """Lay a data folder out as the release left it, and its repository beside it."""
    data = folder / "data"
    data.mkdir()
    furnish(data)
    (data / "keys" / "master").write_text(left["key"])
    (data / "secrets").mkdir(exist_ok=True)
    (data / "secrets" / "hook").write_text("hook-secret")
    (folder / "all.bundle").write_bytes(base64.b64decode(left["repository"]))
    git("clone", "-q", "--bare", "-b", "main", str(folder / "all.bundle"), str(folder / "chaos.git"))
    with closing(sqlite3.connect(data / "litmus-gitops.db", isolation_level=None)) as connection:
        migrate(connection, data / "litmus-gitops.db", STEPS[:SCHEMA_STEPS])
        for partition, sort, value, version in left["records"]:
            row = (partition, sort, json.dumps(value).encode(), version)
            connection.execute("INSERT INTO record (partition, sort, value, version) VALUES (?, ?, ?, ?)", row)
        for message in left["messages"]:
            columns = "id, function, action, ids, sent_at, visible_at, attempts"
            connection.execute(f"INSERT INTO message ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", message)  # noqa: S608
