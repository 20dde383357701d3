"""Real git on loopback: `git http-backend` behind a small CGI server that counts, and clones that push to it."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "receive.autogc",
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "core.fsync",
    "GIT_CONFIG_VALUE_2": "none",
}
"""Nobody's settings but these; nothing is tidied up or forced to disk behind a test's back."""


def git(*arguments: str, cwd: Path | None = None, given: bytes | None = None) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=cwd, input=given, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class Exchange:
    """One request to the server: what was wanted in it, and how large question and answer were."""

    method: str
    path: str
    wants: list[str]
    objects: int
    sent: int
    received: int


@dataclass
class Clone:
    """A working copy that pushes for a person."""

    folder: Path
    branch: str = "main"

    def write(self, path: str, text: str | bytes) -> None:
        """Write a file."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def push(self, message: str = "Change experiments.", *options: str) -> str:
        """Commit everything, push, and return the commit."""
        git("add", "-A", cwd=self.folder)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.folder)
        git("push", "-q", *options, "origin", f"HEAD:{self.branch}", cwd=self.folder)
        return git("rev-parse", "HEAD", cwd=self.folder)

    def pull(self) -> None:
        """Take what others pushed."""
        git("pull", "-q", "--rebase", "origin", self.branch, cwd=self.folder)


@dataclass
class GitServer:
    """Serves the bare repositories under `root`.

    `login` is the `user:password` that it wants, if any; `old` servers know protocol version 0 only; `moved` names
    are answered with where the repository is now; `strict` servers give nothing but what refs name, as Gerrit does.
    A `refusal` (status and headers) is given in place of every answer to requests whose path ends as `refused` says;
    answers are begun after `silence` seconds; those to paths that end as `cut_at` says break off after `cut` bytes, and
    no length was promised.
    """

    root: Path
    login: str | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    old: bool = False
    moved: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    refusal: tuple[int, dict[str, str]] | None = None
    refused: str = ""
    refusals: int = 0
    silence: float = 0.0
    cut: int | None = None
    cut_at: str = ""
    _port: int = 0
    _server: LoopbackServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address that repository names are appended to."""
        return f"http://127.0.0.1:{self._port}"

    def create(self, name: str = "chaos.git", *, partial: bool = True) -> str:
        """Create an empty repository that may be pushed to, and return its address."""
        bare(self.root / name, partial=partial)
        return f"{self.url}/{name}"

    def clone(self, name: str = "chaos.git") -> Clone:
        """Return a new working copy; its pushes go past the server, so that they are not counted."""
        return clone(self.root / name, self.root.parent / f"{name}-clone-{len(list(self.root.parent.iterdir()))}")

    def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self._server = LoopbackServer(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be away: nothing listens any more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None


class LoopbackServer(ThreadingHTTPServer):
    """Hangs up on everybody when it is told to."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that did not wait."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End every connection."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def bare(path: Path, *, partial: bool = True) -> Path:
    """Create an empty bare repository that may be pushed to over http."""
    git("init", "-q", "--template=", "--bare", "-b", "main", str(path))
    (path / "hooks").mkdir(exist_ok=True)
    with (path / "config").open("a") as config:
        config.write(f"[http]\n\treceivepack = true\n[uploadpack]\n\tallowFilter = {str(partial).lower()}\n")
    return path


def clone(repository: Path, folder: Path) -> Clone:
    """Return a working copy of a repository, which may be empty."""
    git("clone", "-q", "--template=", str(repository), str(folder))
    return Clone(folder)


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(body_of(self))

        def _serve(self, body: bytes) -> None:
            instead = _instead(server, self)
            if instead:
                self._reply(*instead, b"")
                return
            name = self.path.split("/")[1]
            if server.strict and (want := _hidden(server.root / name, body)):
                error = f"ERR upload-pack: not our ref {want}\n".encode()
                self._reply(200, [("Content-Type", _RESULT)], b"%04x" % (len(error) + 4) + error)
                return
            status, headers, answer = backend(server.root, self, body, old=server.old)
            server.exchanges.append(_exchange(self, body, answer))
            self._reply(status, headers, answer)

        def _reply(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
            time.sleep(server.silence)
            cut = server.cut if urlsplit(self.path).path.endswith(server.cut_at) else None
            length = [("Content-Length", str(len(answer)))] if cut is None else [("Connection", "close")]
            self.send_response(status)
            for name, value in [*headers, *length]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer[:cut])

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler


def _instead(server: GitServer, handler: BaseHTTPRequestHandler) -> tuple[int, list[tuple[str, str]]] | None:
    """Return what is answered in place of what was asked for."""
    name = handler.path.split("/")[1]
    if server.login and handler.headers.get("Authorization") != _basic(server.login):
        return 401, [("WWW-Authenticate", 'Basic realm="git"')]
    if server.refusal and urlsplit(handler.path).path.endswith(server.refused):
        server.refusals += 1
        return server.refusal[0], list(server.refusal[1].items())
    if name in server.moved:
        return 301, [("Location", handler.path.replace(name, server.moved[name]))]
    return None


_RESULT = "application/x-git-upload-pack-result"


def _hidden(repository: Path, body: bytes) -> str | None:
    refs = git("for-each-ref", "--format=%(objectname)", cwd=repository).split()
    return next((want for want in _wants(body) if want not in refs), None)


def _wants(body: bytes) -> list[str]:
    return [want.decode() for want in re.findall(rb"want ([0-9a-f]{40})", body)]


def body_of(handler: BaseHTTPRequestHandler) -> bytes:
    """Return a request's body, also one that comes in chunks."""
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    parts = []
    while size := int(handler.rfile.readline(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def backend(
    root: Path, handler: BaseHTTPRequestHandler, body: bytes, *, old: bool = False
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return the status, headers and body that `git http-backend` answers a request with."""
    parts = urlsplit(handler.path)
    environment = ENVIRONMENT | {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": "ada",
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": handler.command,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": "" if old else handler.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    headers = [
        (name, value.strip()) for name, _, value in (line.partition(":") for line in head.decode().split("\r\n"))
    ]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return status, [(name, value) for name, value in headers if name not in {"Status", ""}], answer


def _exchange(handler: BaseHTTPRequestHandler, body: bytes, answer: bytes) -> Exchange:
    pack = answer.find(b"PACK\0\0\0\2")
    objects = int.from_bytes(answer[pack + 8 : pack + 12], "big") if pack >= 0 else 0
    return Exchange(handler.command, handler.path, _wants(body), objects, len(body), len(answer))


def login_of(handler: BaseHTTPRequestHandler) -> str:
    """Return the `user:password` that a request is made with, "" for none."""
    kind, _, text = handler.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(text).decode() if kind == "Basic" else ""


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()
