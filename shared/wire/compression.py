"""Bodies that came compressed (RFC 9110, section 8.4), expanded within a bound."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from shared.errors import BadInput, TooLarge, WrongMediaType

_GZIP: Final = zlib.MAX_WBITS | 16


def plain(headers: Mapping[str, str], body: bytes, limit: int) -> bytes:
    """Return the body of a request as it was before its Content-Encoding; header names are lower case.

    Raises as `expanded` does.
    """
    return expanded(body, headers.get("content-encoding", "").lower(), limit)


def expanded(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body as it was before its Content-Encoding, at most `limit` bytes.

    Raises `TooLarge` beyond that, `BadInput` for broken gzip, `WrongMediaType` for any other encoding.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise WrongMediaType(f"Content-Encoding is {encoding[:40]!r}: send gzip, or leave it out")
    return _gunzip(body, limit)


def _gunzip(body: bytes, limit: int) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadInput(f"Content-Encoding is gzip, but the body is not: {error}") from error
    if len(plain) > limit:
        raise TooLarge(f"the body expands to over the limit of {limit} bytes")
    if not reader.eof:
        raise BadInput("Content-Encoding is gzip, but the body ends too early: send it again")
    return plain
