"""Finds the route of a request and guards it: path, method, size, media type, and only then the body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from werkzeug import exceptions
from werkzeug.routing import Map, Rule

from shared.errors import NotFound, TooLarge, WrongMediaType, WrongMethod
from shared.model.calls import Route

_KNOWN: Final = 256
"""Paths whose route is remembered: a cluster or a repository calls under the same one again and again."""


class Router:
    """A table of routes; templates are written `/git/{project}`, and `{name*}` spans slashes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        rules = [Rule(_rule(r.template), methods=[r.method], endpoint=str(i)) for i, r in enumerate(self._routes)]
        routing = Map(rules, strict_slashes=False, redirect_defaults=False, merge_slashes=False)
        self._adapter = routing.bind("")
        self.find = lru_cache(_KNOWN)(self._find)
        """Return the route and the values of its template: `NotFound` or `WrongMethod` otherwise."""

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route and the values of its template: `NotFound` or `WrongMethod` otherwise."""
        try:
            endpoint, params = self._adapter.match(path, method=method)
        except exceptions.MethodNotAllowed as error:
            allowed = tuple(sorted(error.valid_methods or ()))
            raise WrongMethod(f"{method[:20]!r} is not answered here: use {', '.join(allowed)}", allowed) from error
        except exceptions.NotFound as error:
            raise NotFound("nothing is served under this path") from error
        return self._routes[int(endpoint)], params


def check_size(route: Route, length: int | None) -> None:
    """Refuse a body over the route's limit before it is read; an unknown length is bounded while reading."""
    if length is not None and length > route.limit:
        raise TooLarge(f"the body has {length} bytes, the limit here is {route.limit}")


def check_media(route: Route, media: str) -> None:
    """Refuse a media type that the route does not read."""
    if route.media and media not in route.media:
        wanted = " or ".join(route.media)
        raise WrongMediaType(f"Content-Type is {media[:80] or 'missing'!r}: send {wanted}")


def _rule(template: str) -> str:
    return re.sub(r"{(\w+)(\*?)}", lambda name: f"<path:{name[1]}>" if name[2] else f"<{name[1]}>", template)
