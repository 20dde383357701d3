"""One HTTP exchange as plain values, so that services and tests need no web framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec


class Call(msgspec.Struct, frozen=True):
    """A request whose body was read within its limit; header names are lower case."""

    method: str
    path: str
    params: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """A response: a `dict` or `list` body becomes JSON, `str` and `bytes` go out as they are.

    A `quiet` one leaves no line in the log, since `/metrics` counts what it was about.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    quiet: bool = False


Handler = Callable[[Call], Answer]


class Route(msgspec.Struct, frozen=True):
    """A method and a path template such as `/git/{project}` with the handler that answers it.

    `media` names the accepted media types of the body (empty: any); `limit` is in bytes.
    """

    method: str
    template: str
    handler: Handler
    media: tuple[str, ...] = ()
    limit: int = 1 << 20
