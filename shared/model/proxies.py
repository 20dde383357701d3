"""Proxies: through which of them an address on the web is reached."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from shared.errors import Misconfigured

_PORTS: Final = {"http": 80, "https": 443}


class Proxies(msgspec.Struct, frozen=True):
    """Addresses of proxies by the scheme of what is reached through them; they may hold a login and are never shown.

    `direct` lists what is reached without one: hosts with all below them, `host:port`, or `*` for everything.
    """

    http: str | None = None
    https: str | None = None
    direct: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Proxies(direct={self.direct!r})"

    @classmethod
    def read(cls, http: str, https: str, direct: Sequence[str]) -> Proxies:
        """Read HTTP_PROXY, HTTPS_PROXY and NO_PROXY: `Misconfigured` names the one that makes no sense."""
        for entry in direct:
            if _split(_bracketed(entry)) is None:
                raise Misconfigured(f"NO_PROXY={entry!r} is no host: write names with commas between, or host:port")
        return cls(_address("HTTP_PROXY", http), _address("HTTPS_PROXY", https), tuple(direct))

    def of(self, url: str) -> str | None:
        """Return the proxy for an address, None to reach it directly; this machine is always reached directly."""
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
        proxy = self.https if parts.scheme == "https" else self.http
        if proxy is None or _here(host) or any(_covers(entry, host, port) for entry in self.direct):
            return None
        return proxy


def _address(name: str, given: str) -> str | None:
    """Read a proxy's address; a wrong one is not repeated, since it may hold a password."""
    parts = _split(given.strip())
    if given.strip() and (parts is None or parts.scheme not in _PORTS or not parts.hostname):
        raise Misconfigured(f"{name} is no address of a proxy: write http://host:port, or leave it empty")
    return given.strip() or None


def _split(address: str) -> SplitResult | None:
    """Return an address in parts, None where it is none; its port is read to be sure of it."""
    with suppress(ValueError):
        parts = urlsplit(address)
        return parts if parts.port != 0 else None
    return None


def _here(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _covers(entry: str, host: str, port: int | None) -> bool:
    parts = _split(_bracketed(entry))
    if entry == "*" or parts is None:
        return parts is not None
    name = (parts.hostname or "").removeprefix("*").removeprefix(".")
    return (host == name or host.endswith(f".{name}")) and parts.port in {None, port}


def _bracketed(entry: str) -> str:
    """Return an entry as the host of an address; an IPv6 address may stand without its brackets."""
    bare = entry.count(":") > 1 and "[" not in entry
    return f"//[{entry}]" if bare else f"//{entry}"
