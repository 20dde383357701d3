"""Sends each request to the function that serves its path."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask

from shared.edge import metrics
from shared.edge.functions import function
from shared.errors import Unavailable
from shared.model.calls import Answer, Call, Route

FUNCTIONS: Final[Mapping[str, str]] = {
    "git": "git_push",
    "admission": "workload_admission",
    "changes": "workload_admission",
    "audit": "workload_audit",
    "reports": "run_report",
    "orders": "dispatch",
}
"""First segment of a path → function; every other path is the portal's."""

OWN: Final = ("/healthz", "/readyz", "/metrics")
"""Paths that the engine answers itself."""


def function_of(path: str) -> str:
    """Return the name of the function that serves a path."""
    first, _, rest = path.lstrip("/").partition("/")
    return rest.partition("/")[0] if first == "internal" else FUNCTIONS.get(first, "portal")


def as_wsgi(target: Callable[[flask.Request], flask.Response]) -> WSGIApplication:
    """Return a target of ours as an application."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return target(flask.Request(environ))(environ, start_response)

    return application


class Gateway:
    """The one application of the process: functions by path, and the engine's own answers.

    Subscribers that wait for orders may hold `polls` threads, so that the others always have some left.
    """

    def __init__(self, functions: Mapping[str, WSGIApplication], own: WSGIApplication, polls: int) -> None:
        self._functions = functions
        self._own = own
        self._nowhere = as_wsgi(function())
        self._crowded = as_wsgi(function(Route("GET", "/orders/{cluster}", _crowded)))
        self._free = polls
        self._polls = polls
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as WSGI (PEP 3333) has it."""
        path = environ.get("PATH_INFO") or "/"
        if path in OWN:
            return self._own(environ, start_response)
        application = self._functions.get(function_of(path), self._nowhere)
        if environ["REQUEST_METHOD"] == "GET" and path.startswith("/orders/"):
            return self._poll(application, environ, start_response)
        return application(environ, start_response)

    def _poll(
        self, application: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not self._move(-1):
            return self._crowded(environ, start_response)
        try:
            return application(environ, start_response)
        finally:
            self._move(+1)

    def _move(self, step: int) -> bool:
        with self._lock:
            if self._free + step < 0:
                return False
            self._free += step
            metrics.gauge("litmus_gitops_long_polls", self._polls - self._free)
            return True


def _crowded(_: Call) -> Answer:
    raise Unavailable("too many subscribers wait for orders at once: poll again, or raise THREADS")
