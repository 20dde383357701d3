"""Reads request bodies within bounds, on whatever server.

werkzeug cuts a body without a Content-Length at the limit instead of refusing it, so that is not left to it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Final

import flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

from shared.errors import BadInput, TooLarge

PIECE: Final = 1 << 16
DRAIN: Final = 64 << 20
"""Bytes of an unwanted body that are read and dropped, so that its sender gets to read the answer."""

_BROKEN: Final = (ClientDisconnected, OSError, ValueError)


def read_body(request: flask.Request, limit: int) -> bytes:
    """Return the whole body: `TooLarge` once it exceeds `limit` bytes, `BadInput` if it ends early."""
    length = request.content_length
    try:
        body = _first(request.stream, limit + 1 if length is None else min(limit + 1, length))
    except _BROKEN as error:
        raise BadInput("the body broke off, or its chunks cannot be read") from error
    if len(body) > limit:
        raise TooLarge(f"the body is over the limit of {limit} bytes")
    if length is not None and len(body) < length:
        raise BadInput(f"the body broke off after {len(body)} of {length} bytes")
    return body


def drop_rest(request: flask.Request) -> None:
    """Read at most `DRAIN` bytes more, and keep none."""
    stream = request.stream
    if isinstance(stream, LimitedStream) and stream.is_exhausted:
        return
    left = DRAIN
    with suppress(*_BROKEN):
        while left > 0 and (piece := stream.read(min(PIECE, left))):
            left -= len(piece)


def _first(stream: IO[bytes], count: int) -> bytes:
    """Return the first `count` bytes, fewer where the stream ends; one read may give less than there is."""
    found = bytearray()
    while len(found) < count and (piece := stream.read(min(PIECE, count - len(found)))):
        found += piece
    return bytes(found)
