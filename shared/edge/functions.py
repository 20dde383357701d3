"""Turns routes into a plain functions-framework target: Flask in, plain values inside, one log line out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import flask
import msgspec
from werkzeug.exceptions import RequestEntityTooLarge

from shared.edge.routing import Router, check_media, check_size
from shared.errors import LitmusGitopsError, NotYet, TooLarge
from shared.model.calls import Answer, Call, Route

_log = logging.getLogger("litmus_gitops.edge")


def function(*routes: Route) -> Callable[[flask.Request], flask.Response]:
    """Return the target that answers these routes, and `/healthz` besides.

    An error of ours becomes its status with a problem+json body (RFC 9457); any other is logged whole and answered
    500 without a word of its text.
    """
    router = Router((*routes, Route("GET", "/healthz", _healthy)))

    def answer(request: flask.Request) -> flask.Response:
        started, template = time.perf_counter(), "-"
        try:
            route, params = router.find(request.method, request.path)
            template = route.template
            reply = route.handler(_call(route, dict(params), request))
        except LitmusGitopsError as error:
            reply = problem(error)
        except Exception:  # noqa: BLE001 - the last line of defence: no text of it may leave
            _log.exception("unexpected error", extra={"route": template})
            reply = problem(LitmusGitopsError("something broke on our side; the log has the details"))
        _report(request.method, template, reply.status, started)
        return _response(reply)

    return answer


def problem(error: LitmusGitopsError) -> Answer:
    """Return an error as problem+json (RFC 9457); `problems` lists what was wrong by field."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
    }
    if problems := getattr(error, "problems", ()):
        body["problems"] = list(problems)
    headers = {"Content-Type": "application/problem+json"}
    if error.retry:
        headers["Retry-After"] = str(round(error.seconds if isinstance(error, NotYet) else 5))
    if isinstance(error, NotYet):
        headers["X-Not-Yet"] = "true"
    return Answer(error.status, body, headers)


def _healthy(_: Call) -> Answer:
    return Answer(200, {"status": "ok"})


def _call(route: Route, params: dict[str, str], request: flask.Request) -> Call:
    check_size(route, request.content_length)
    if request.method in {"POST", "PUT", "PATCH"}:
        check_media(route, request.mimetype)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, request.path, params, request.args.to_dict(), headers, _body(route, request))


def _body(route: Route, request: flask.Request) -> bytes:
    request.max_content_length = route.limit
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise TooLarge(f"the body is over the limit of {route.limit} bytes") from error


def _report(method: str, template: str, status: int, started: float) -> None:
    millis = round((time.perf_counter() - started) * 1000, 2)
    _log.info("answered", extra={"method": method, "route": template, "status": status, "ms": millis})


def _response(answer: Answer) -> flask.Response:
    headers = dict(answer.headers)
    body = answer.body
    if isinstance(body, (dict, list)):
        headers.setdefault("Content-Type", "application/json")
        body = msgspec.json.encode(body)
    elif isinstance(body, str):
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    return flask.Response(body or b"", status=answer.status, headers=headers)  # type: ignore[arg-type]
