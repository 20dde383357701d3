"""Which addresses a project or cluster may name: nothing on our own machine or network, and never a secret inside."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from shared.errors import Invalid

REPOSITORY_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
SUBSCRIBER_SCHEMES = frozenset({"https", "http"})


def check_repository(url: str, *, allow_local: bool) -> None:
    """Refuse a repository address that git cannot fetch from, or that is ours alone to see.

    `user@host:path` is read as ssh. Local ones (`file://`, loopback, private literals) only where `allow_local`.
    """
    parts = _split(url if "://" in url else f"ssh://{url.replace(':', '/', 1)}", REPOSITORY_SCHEMES, "repo_url")
    if parts.password:
        raise Invalid("repo_url holds a password: name it as `credential` by reference instead")
    if not allow_local and (parts.scheme == "file" or _local(parts.hostname or "")):
        raise Invalid("repo_url points at this machine or its network, which this deployment refuses")


def check_subscriber(url: str, *, allow_local: bool) -> None:
    """Refuse a subscriber address that is not http(s), or that is ours alone to see."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "subscriber_url")
    if parts.password or parts.username:
        raise Invalid("subscriber_url holds credentials: orders are signed, none are needed")
    if not allow_local and (parts.scheme == "http" or _local(parts.hostname or "")):
        raise Invalid("subscriber_url must be https and not point at this machine or its network")


def _split(url: str, schemes: frozenset[str], field: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname or (parts.scheme == "file" and parts.path))
    except ValueError as error:
        raise Invalid(f"{field} is no address: {error}") from error
    if parts.scheme not in schemes or not named:
        raise Invalid(f"{field} is no address that can be used: start it with one of {', '.join(sorted(schemes))}")
    return parts


def _local(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
