"""A real PostgreSQL on loopback: one server a process of tests, and in it a schema for whoever wants to be alone.

Its collation is not bytewise, so that what has to be sorted by bytes must ask for that.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

SECONDS = 30.0
ROLE = "litmus"
_FASTER = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=60", "log_min_messages=fatal")
_LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
_INITIALISED = ("-D", "data", "-U", ROLE, "-A", "trust", "--no-sync", "--no-instructions", *_LOCALE)
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "QUIT") if shutil.which("setpriv") else ()
"""What ends a server whose tests were killed; nothing else would."""
_numbers = itertools.count()


def binaries() -> Path | None:
    """Return the folder of a server's binaries, the newest where there are several; None if none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def needs_server() -> pytest.MarkDecorator:
    """Return the mark of tests that need a server; without one they are skipped, or fail where CI is `true`."""
    return _needs(binaries() is not None, "no PostgreSQL server is installed: apt-get install postgresql")


def needs_pooler() -> pytest.MarkDecorator:
    """Return the mark of tests that need a pooler too."""
    return _needs(shutil.which("pgbouncer") is not None, "no pooler is installed: apt-get install pgbouncer")


def _needs(there: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not there and os.environ.get("CI") != "true", reason=reason)


class Server:
    """A server of our own, in its own folder, on a port of 127.0.0.1; it runs as somebody who is not root."""

    def __init__(self, *settings: str) -> None:
        self._take_folder()
        self._settings = settings
        made = self._run([self._binary("initdb"), *_INITIALISED])
        assert made.wait() == 0, (self.folder / "log").read_text()

    def _take_folder(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def url(self, schema: str = "public") -> str:
        """Return the URL under which somebody is alone in a schema."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/postgres?options={quote(f'-csearch_path={schema}')}"

    def start(self) -> None:
        """Serve, and return once it answers."""
        own = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *self._settings)
        self._serve([self._binary("postgres"), "-D", "data", *(word for setting in own for word in ("-c", setting))])

    def _serve(self, command: list[str]) -> None:
        self._process = self._run(command)
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends all sessions in order, SIGQUIT leaves everything to the recovery at the next start."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(SECONDS)
            self._process = None

    def remove(self) -> None:
        """End it, and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Do one statement as the server's owner, and return its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def new_schema(self) -> str:
        """Make a schema that nobody else uses, and return its name."""
        name = f"s{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return name

    def drop_schema(self, name: str) -> None:
        """Remove a schema with all in it."""
        self.execute(f"DROP SCHEMA {name} CASCADE")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {}
        if self._user:
            who = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        with (self.folder / "log").open("ab") as log:
            bound = [*_ENDS_WITH_US, *command]
            return subprocess.Popen(bound, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **who)

    def _binary(self, name: str) -> str:
        folder = binaries()
        assert folder, "no PostgreSQL server is installed: apt-get install postgresql"
        return str(folder / name)


class Pooler(Server):
    """PgBouncer before the server: two connections for everybody, and each transaction may come to another."""

    def __init__(self, behind: Server) -> None:
        self._take_folder()
        ini = {
            "databases": {"*": f"host=127.0.0.1 port={behind.port} user={ROLE}"},
            "pgbouncer": {
                "listen_addr": "127.0.0.1",
                "listen_port": str(self.port),
                "unix_socket_dir": "",
                "auth_type": "any",
                "pool_mode": "transaction",
                "default_pool_size": "2",
            },
        }
        lines = [f"[{part}]\n" + "".join(f"{name} = {value}\n" for name, value in ini[part].items()) for part in ini]
        (self.folder / "pooler.ini").write_text("".join(lines))

    def start(self) -> None:
        """Serve, and return once it answers."""
        self._serve(["pgbouncer", "pooler.ini"])

    def url(self, schema: str = "public") -> str:
        """Return the URL of a database; schemas cannot be named, since a pooler lets nobody set anything."""
        return super().url(schema).partition("?")[0]


@cache
def server() -> Server:
    """Return the server of this process, which is fast because it forces nothing to the disk."""
    made = Server(*_FASTER)
    made.start()
    atexit.register(made.remove)
    return made


def waiting(check: Callable[[], Any], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, f"waited {SECONDS:.0f} s for {what}"
        time.sleep(0.01)
