"""Reads `postgresql://user@host/database`, and leaves everything else about it to libpq."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shared.errors import Misconfigured

_FORM: Final = "postgresql://user@host:5432/database[?sslmode=verify-full&pubsub=projects/P/topics/PREFIX]"
_TOPICS: Final = re.compile(r"projects/[a-z0-9:.-]+/topics/[A-Za-z][A-Za-z0-9._~+%-]+")
_PORTS: Final = re.compile(r"[0-9,]*")
_OURS: Final = "pubsub="
_DEFAULTS: Final = {
    "application_name": "litmus-gitops",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    "keepalives_count": "3",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "tcp_user_timeout": "30000",
}
"""What the URL may say otherwise; of a server that went silent, a process learns within a minute."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is: what libpq is told, how errors name it, and the topics of its messages."""

    parameters: Mapping[str, str] = field(repr=False)
    name: str
    topics: str | None = None


def read_place(url: str) -> Place:
    """Read a URL: `Misconfigured`, without a word of it, if it cannot be read, since a password may be in it."""
    address, _, query = url.partition("?")
    words = query.split("&") if query else []
    theirs = "&".join(word for word in words if not word.startswith(_OURS))
    given = _parameters(f"{address}?{theirs}" if theirs else address)
    ours = next((unquote(word.removeprefix(_OURS)) for word in words if word.startswith(_OURS)), None)
    if ours is not None and not _TOPICS.fullmatch(ours):
        raise Misconfigured(f"STORE_URL has pubsub={ours!r}, which names no topics: use projects/P/topics/PREFIX")
    return Place(_DEFAULTS | given, _name(given), ours)


def _parameters(url: str) -> dict[str, str]:
    """Return what libpq reads; a port that is no number or an `@` behind the host is part of a password, unescaped."""
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        found = {"port": "none"}
    if not _PORTS.fullmatch(found.get("port", "")) or "@" in found.get("dbname", ""):
        raise Misconfigured(f"STORE_URL cannot be read as the address of a PostgreSQL database: use {_FORM}")
    return found


def _name(given: Mapping[str, str]) -> str:
    host = given.get("host") or given.get("hostaddr") or "this machine"
    return f"{given.get('dbname') or given.get('user') or 'of this user'} at {host}"
