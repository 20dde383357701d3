"""Those to whom we speak over HTTP, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.model.calls import Answer


class Subscribers(Protocol):
    """Sends signed bodies to a cluster's subscriber."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once, with deadlines; `Unavailable` if no answer came."""
        ...


class ChaosCenters(Protocol):
    """The GraphQL endpoints of the ChaosCenters that carry out orders."""

    def __call__(self, url: str, token: str, body: bytes, traceparent: str) -> Answer:
        """POST once under a bearer token, with deadlines: `Unavailable` if no answer came, `Forbidden` for an address.

        The token is nowhere in the answer.
        """
        ...


class Sinks(Protocol):
    """Tells parties outside what happened."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once, with deadlines; `Unavailable` if no answer came."""
        ...


class Monitors(Protocol):
    """Asks a Prometheus or an Alertmanager."""

    def __call__(self, url: str, credential: str | None = None, ca: str | None = None) -> Answer:
        """GET once, with deadlines; `Unavailable` if no answer came, or one that is too long.

        `credential` is `user:password` or a token, `ca` the PEM certificates of a private CA.
        """
        ...


class PortalApi(Protocol):
    """The portal's HTTP API, as a subscriber uses it."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", seconds: float = 10.0
    ) -> Answer:
        """Send once and return the answer, its body as bytes; `Unavailable` if none came within `seconds`."""
        ...


class ChaosCenter(Protocol):
    """The GraphQL endpoint of a ChaosCenter that runs beside us."""

    def __call__(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Say what was said to us, and return its answer unchanged: `Unavailable` if none came."""
        ...
