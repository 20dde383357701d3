"""Turns routes into a plain functions-framework target: Flask in, plain values inside, one log line out."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import flask
import msgspec

from shared.edge import logs, metrics
from shared.edge.bodies import drop_rest, read_body
from shared.edge.headers import Headers
from shared.edge.routing import Router, check_media, check_size
from shared.edge.spans import spans
from shared.errors import LitmusGitopsError, NotKnown, NotYet, WrongMethod
from shared.model.calls import Answer, Call, Route
from shared.model.traces import NAME, TRACE, valid

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Target = Callable[[flask.Request], flask.Response]

_BEARING: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests bear a body."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""Those of RFC 9110 and RFC 5789: whatever else a caller writes is logged as `_OTHER`, as OpenTelemetry names it."""

_TRACEPARENT: Final = "HTTP_TRACEPARENT"
"""Where a WSGI environment has the header of that name (PEP 3333)."""

REQUESTS: Final = "litmus_gitops_requests_total"

_log = logging.getLogger("litmus_gitops.edge")


def function(*routes: Route, ready: Callable[[], None] = lambda: None) -> Target:
    """Return the target that answers these routes, and, where they do not, `/healthz`, `/readyz` and `/metrics`.

    `ready` raises `Unavailable` while the function could not do its work.

    An error of ours becomes its status with a problem+json body (RFC 9457); any other is logged whole and answered
    500 without a word of its text. What is logged meanwhile bears the trace id of the caller's `traceparent` (W3C Trace
    Context), or of one made here.
    """
    logs.configure()
    spans()
    router = Router((*routes, *_operations(routes, ready)))

    def target(request: flask.Request) -> flask.Response:
        caller = valid(request.headers.get(NAME, ""))
        before = TRACE.set(_parent(caller))
        try:
            return _served(router, request, caller)
        finally:
            TRACE.reset(before)

    _adopt(target)
    return target


def problem(error: LitmusGitopsError) -> Answer:
    """Return an error as problem+json (RFC 9457); `problems` lists what was wrong by field.

    `conflict` is the id of the conflict object that an edit became.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
    }
    if problems := getattr(error, "problems", ()):
        body["problems"] = list(problems)
    if conflict := getattr(error, "conflict", ""):
        body["conflict"] = conflict
    return Answer(error.status, body, {"Content-Type": "application/problem+json", **_hints(error)})


def _hints(error: LitmusGitopsError) -> dict[str, str]:
    hints = {}
    if isinstance(error, WrongMethod):
        hints["Allow"] = ", ".join(error.allowed)
    if error.retry:
        hints["Retry-After"] = str(math.ceil(error.seconds if isinstance(error, NotYet | NotKnown) else 5))
    if isinstance(error, NotYet):
        hints["X-Not-Yet"] = "true"
    if isinstance(error, NotKnown):
        hints["X-Not-Known"] = "true"
    return hints


def _adopt(target: Target) -> None:
    """Answer all that comes, in front of the app that functions-framework is making: it runs main.py in its context.

    Flask would route a second time, answer `/robots.txt` and `//` itself and in HTML, read what is left of each body
    into memory, and open contexts that nothing here looks at, which takes as long as it takes to read a review.
    """
    if flask.has_app_context():
        flask.current_app.wsgi_app = _application(target)  # type: ignore[method-assign, assignment]


def _application(target: Target) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return target(flask.Request(environ))(environ, start_response)

    return application


def _served(router: Router, request: flask.Request, caller: str) -> flask.Response:
    """Answer, count, log and record a request, in the trace that is set; `caller` is the trace context it bore."""
    began, started = time.time_ns(), time.perf_counter_ns()
    template, response, quiet = _answered(router, request)
    drop_rest(request)
    if not quiet:
        method = request.method if request.method in _METHODS else "_OTHER"
        _report(method, template, response.status_code, caller, (began, time.perf_counter_ns() - started))
    metrics.count(REQUESTS, route=template, status=str(response.status_code))
    return response


def _answered(router: Router, request: flask.Request) -> tuple[str, flask.Response, bool]:
    """Return the route's template, which may be logged, the response, and whether it is quiet, whatever happens."""
    template = "-"
    try:
        route, params = router.find(request.method, request.path)
        template = route.template
        answer = route.handler(_call(route, dict(params), request))
        return template, _response(answer), answer.quiet
    except LitmusGitopsError as error:
        _explain(template, error)
        return template, _response(problem(error)), False
    except Exception:  # noqa: BLE001 - the last line of defence: no text of it may leave
        _log.exception("unexpected error", extra={"route": template})
        broken = LitmusGitopsError("something broke on our side; the log has the details")
        return template, _response(problem(broken)), False


def _parent(caller: str) -> str:
    """Return the `traceparent` of what we do for a caller: a span of ours, in the caller's trace if there is one."""
    _, trace, _, flags = (caller or f"00-{os.urandom(16).hex()}--01").split("-")
    return f"00-{trace}-{os.urandom(8).hex()}-{flags}"


def _operations(routes: Iterable[Route], ready: Callable[[], None]) -> list[Route]:
    """Return what every function answers to whoever runs it, in so far as it does not do that itself."""

    def prepared(_: Call) -> Answer:
        ready()
        return Answer(200, {"status": "ready"}, quiet=True)

    own = {"/healthz": _healthy, "/readyz": prepared, "/metrics": metrics.answer}
    taken = {route.template for route in routes}
    return [Route("GET", path, handler) for path, handler in own.items() if path not in taken]


def _healthy(_: Call) -> Answer:
    return Answer(200, {"status": "ok"}, quiet=True)


def _call(route: Route, params: dict[str, str], request: flask.Request) -> Call:
    check_size(route, request.content_length)
    if request.method in _BEARING and request.environ.get("CONTENT_TYPE") not in route.media:
        check_media(route, request.mimetype)
    query = request.args.to_dict() if request.environ.get("QUERY_STRING") else {}
    headers = Headers(request.environ | {_TRACEPARENT: TRACE.get()})
    body = read_body(request, route.limit)
    return Call(request.method, request.path, params, query, headers, body)


def _explain(template: str, error: LitmusGitopsError) -> None:
    """Log why something was not done where the fault is not the caller's and time alone will not mend it."""
    if error.status >= 500 and not isinstance(error, NotYet):  # noqa: PLR2004 - HTTP's own border of faults
        _log.warning("not done", extra={"route": template, "error": type(error).__name__, "detail": str(error)})


def _report(method: str, template: str, status: int, caller: str, span: tuple[int, int]) -> None:
    """Log and record a request; `span` is when it began, in nanoseconds since 1970, and how many of them it took."""
    began, took = span
    told = {"method": method, "route": template, "status": status, "ms": round(took / 1e6, 2)}
    _log.info("answered", extra={**told, logs.CLEAN: True})
    if recorded := spans():
        recorded.record(caller, method, template, status, (began, began + took))


def _response(answer: Answer) -> flask.Response:
    headers = dict(answer.headers)
    body = answer.body
    if isinstance(body, (dict, list)):
        headers.setdefault("Content-Type", "application/json")
        body = _json(body)
    elif isinstance(body, str):
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    return flask.Response(body or b"", status=answer.status, headers=headers)  # type: ignore[arg-type]


def _json(body: object) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(body)).encode()
