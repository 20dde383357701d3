"""HTTP for the loopback GitHub: what is below /api/ is the API's, all else is git's."""

from __future__ import annotations

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests import gitserver
from tests.githubhost.calls import Answer, Request

if TYPE_CHECKING:
    from tests.githubhost.server import GitHubServer


def handler(server: GitHubServer) -> type[BaseHTTPRequestHandler]:
    """Return the handler of a server's requests."""
    return type("Handler", (_Handler,), {"github": server})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    github: ClassVar[GitHubServer]

    def _serve(self) -> None:
        body = gitserver.body_of(self)
        answer = self._api(body) if self.path.startswith("/api/") else self._git(body)
        if answer.status:
            self._reply(answer)
        else:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _api(self, body: bytes) -> Answer:
        parts, told = urlsplit(self.path), None
        headers = {name.lower(): value for name, value in self.headers.items()}
        with suppress(ValueError):
            told = json.loads(body) if body else None
        return self.github.api(Request(self.command, parts.path, dict(parse_qsl(parts.query)), told, headers))

    def _git(self, body: bytes) -> Answer:
        _, _, password = gitserver.login_of(self).partition(":")
        refused = self.github.git(self.path, self.github.known(password))
        if refused is not None:
            return refused
        status, headers, content = gitserver.backend(self.github.root, self, body)
        return Answer(status, content, dict(headers))

    def _reply(self, answer: Answer) -> None:
        content = _encoded(answer.body)
        self.send_response(answer.status)
        kind = {"Content-Type": "application/json; charset=utf-8"} if content else {}
        for name, value in {**kind, **answer.headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def _encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()
