"""A function whose routes show what the edge hands in and makes of what comes out."""

from __future__ import annotations

from shared import errors
from shared.edge.functions import function
from shared.model.calls import Answer, Call, Route

LIMIT = 100_000


def echo(call: Call) -> Answer:
    headers = dict(call.headers)
    query, params = dict(call.query), dict(call.params)
    return Answer(200, {"params": params, "query": query, "headers": headers, "length": len(call.body)})


def fail(call: Call) -> Answer:
    kind = call.params["kind"]
    if kind == "Unexpected":
        raise ValueError("the password is hunter2")
    if kind == "NotYet":
        raise errors.NotYet("too early", 0.4)
    if kind == "Invalid":
        raise errors.Invalid("broken", ({"field": "name", "message": "missing"},))
    error: type[errors.LitmusGitopsError] = getattr(errors, kind)
    raise error("what was found, and how to mend it")


def odd(call: Call) -> Answer:
    bodies: dict[str, Answer] = {
        "surrogate": Answer(200, {"text": "\ud800"}),
        "newline": Answer(200, "x", {"X-Header": "a\r\nSet-Cookie: b"}),
        "unencodable": Answer(200, {"value": object()}),
        "text": Answer(200, "plain"),
        "bytes": Answer(201, b"\x00\x01", {"Content-Type": "application/octet-stream"}),
        "list": Answer(200, [1, 2]),
        "nothing": Answer(204),
        "quiet": Answer(200, "counted", quiet=True),
    }
    return bodies[call.params["which"]]


probe = function(
    Route("POST", "/echo/{name}", echo, media=("application/json",), limit=LIMIT),
    Route("GET", "/echo/{name}", echo),
    Route("POST", "/files/{rest*}", echo, limit=10),
    Route("GET", "/fail/{kind}", fail),
    Route("GET", "/odd/{which}", odd),
)
