"""Proxies: through which of them an address on the web is reached."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec


class Proxies(msgspec.Struct, frozen=True):
    """Addresses of proxies by the scheme of what is reached through them; they may hold a login and are never shown.

    `direct` lists what is reached without one: hosts with all below them, `host:port`, or `*` for everything.
    """

    http: str | None = None
    https: str | None = None
    direct: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Proxies(direct={self.direct!r})"

    def of(self, url: str) -> str | None:
        """Return the proxy for an address, None to reach it directly; this machine is always reached directly."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        proxy = self.https if parts.scheme == "https" else self.http
        if proxy is None or _here(host) or any(_covers(entry, host, parts.port) for entry in self.direct):
            return None
        return proxy


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _covers(entry: str, host: str, port: int | None) -> bool:
    name, colon, number = entry.lower().rpartition(":")
    if not (colon and number.isdigit() and "]" not in number) or (":" in name and not name.endswith("]")):
        name, number = entry.lower(), ""
    name = name.removeprefix("*").removeprefix(".").strip("[]")
    return entry == "*" or ((host == name or host.endswith(f".{name}")) and number in {"", str(port or "")})
