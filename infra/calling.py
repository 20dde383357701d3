"""Calls a function inside this process, as its server would."""

from __future__ import annotations

from collections.abc import Mapping
from wsgiref.types import WSGIApplication

from werkzeug.test import create_environ, run_wsgi_app

from infra.delivering import Outcome, path, read_answer, signed
from shared.model.messages import Message
from shared.ports.ambient import Clock


def call(
    app: WSGIApplication, where: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """POST a body to an application; return status, headers and body of its answer."""
    environ = create_environ(where, method="POST", headers=dict(headers), data=body)
    chunks, status, answered = run_wsgi_app(app, environ, buffered=True)
    return int(status.partition(" ")[0]), dict(answered), b"".join(chunks)


def deliver(app: WSGIApplication, message: Message, key: bytes, clock: Clock) -> Outcome:
    """Hand a message to its function, signed with the deployment's internal key; return what became of it."""
    return read_answer(*call(app, path(message), *signed(message, key, clock())))
