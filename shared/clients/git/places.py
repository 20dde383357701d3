"""Where a repository is and how to log in there; what is shown of it never holds a credential."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from shared.errors import Invalid

TOKEN_USER = "x-access-token"  # noqa: S105 - the user name that git hosts expect beside a token
"""The user name sent with a bare token: GitHub asks for it, GitLab and Gitea accept any."""

_SCP = re.compile(r"(?:(?P<user>\w[\w.+-]*)@)?(?P<host>\w[\w.-]*):(?P<path>[^:].*)", re.ASCII)
"""`user@host:path`, the form that ssh remotes are usually written in."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository's address in parts; `url` has no user or password in it."""

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None
    url: str

    @classmethod
    def parse(cls, url: str) -> Place:
        """Read an address: `Invalid` for one that git cannot fetch from."""
        scp = _SCP.fullmatch(url) if "://" not in url else None
        if scp:
            return cls("ssh", scp["host"], None, scp["path"], scp["user"], f"{scp['host']}:{scp['path']}")
        parts, port = _split(url)
        if parts.scheme not in {"file", "http", "https", "ssh", "git"}:
            raise Invalid("the repository's address starts with none of https, http, ssh, git, file")
        host, user = parts.hostname or "", unquote(parts.username or "") or None
        if parts.scheme != "file" and (not host or "-" in {host[0], (user or "x")[0]}):
            raise Invalid("the repository's address names no host, or one that ssh would take for an option")
        netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        shown = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
        return cls(parts.scheme, host, port, unquote(parts.path), user, shown)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"the repository's address is none: {error}") from error
    return parts, port


def login(place: Place, credential: str | None) -> tuple[str, str] | None:
    """Return user and password for http: from `user:password`, or a bare token beside the address' own user."""
    if not credential:
        return None
    user, colon, password = credential.partition(":")
    return (user, password) if colon else (place.user or TOKEN_USER, credential)


def is_app(credential: str | None) -> bool:
    """Whether a credential is a GitHub App's, which is JSON; no token, password or key begins like that."""
    return (credential or "").lstrip().startswith("{")
