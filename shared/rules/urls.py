"""Which addresses a project or cluster may name: nothing on our own machine or network, and never a secret inside."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.errors import Invalid

REPOSITORY_SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file"})
SUBSCRIBER_SCHEMES: Final = frozenset({"https", "http"})

_LOCAL: Final = (".localhost", ".internal", ".local", ".localdomain", ".lan", ".home.arpa", ".svc")
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
"""An IPv4 address in whatever spelling resolvers take, such as `127.1` (WHATWG URL, "ends in a number checker")."""

_UNSPEAKABLE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


def check_repository(url: str, *, allow_local: bool) -> None:
    """Refuse a repository address that git cannot fetch from, or that is ours alone to see.

    `user@host:path` is read as ssh. Local ones (`file://`, loopback, private literals) only where `allow_local`.
    """
    parts = _split(url if "://" in url else f"ssh://{url.replace(':', '/', 1)}", REPOSITORY_SCHEMES, "repo_url")
    if parts.password or (parts.scheme in SUBSCRIBER_SCHEMES and (parts.username or parts.query)):
        raise Invalid(
            "repo_url holds a user, a password or a query: write it without, and name user:password or a token as "
            "`credential` by reference instead"
        )
    if not allow_local and (parts.scheme == "file" or is_local(parts.hostname or "")):
        raise Invalid("repo_url points at this machine or its network, which this deployment refuses")


def check_api(url: str, *, allow_local: bool) -> None:
    """Refuse a git host's API address that is not http(s), or that is ours alone to see."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "api_url")
    if parts.password or parts.username or parts.query:
        raise Invalid("api_url holds a user, a password or a query: name the token as `credential` by reference")
    if not allow_local and (parts.scheme == "http" or is_local(parts.hostname or "")):
        raise Invalid("api_url must be https and not point at this machine or its network")


def check_subscriber(url: str, *, allow_local: bool) -> None:
    """Refuse a subscriber address that is not http(s), or that is ours alone to see."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "subscriber_url")
    if parts.password or parts.username or parts.query:
        raise Invalid("subscriber_url holds credentials: orders are signed, none are needed")
    if not allow_local and (parts.scheme == "http" or is_local(parts.hostname or "")):
        raise Invalid("subscriber_url must be https and not point at this machine or its network")


def check_center(url: str, *, allow_local: bool) -> None:
    """Refuse a ChaosCenter's GraphQL endpoint that is not http(s), or that is ours alone to see."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "chaoscenter.url")
    if parts.password or parts.username or parts.query or parts.fragment:
        raise Invalid(
            "chaoscenter.url holds a user, a password or a query: name a bearer token as `credential` instead"
        )
    if not allow_local and (parts.scheme == "http" or is_local(parts.hostname or "")):
        raise Invalid("chaoscenter.url must be https and not point at this machine or its network")


def check_monitor(url: str, *, allow_local: bool) -> None:
    """Refuse a monitor's base address that is not http(s), or that is ours alone to see."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "url")
    if parts.password or parts.username or parts.query or parts.fragment:
        raise Invalid("url holds a user, a password or a query: name user:password or a token as `credential` instead")
    if not allow_local and (parts.scheme == "http" or is_local(parts.hostname or "")):
        raise Invalid("url must be https and not point at this machine or its network")


def check_sink(url: str, *, allow_local: bool, shown: bool = False) -> None:
    """Refuse a sink's address that is not http(s), or is ours alone to see; one that is `shown` holds no secret."""
    parts = _split(url, SUBSCRIBER_SCHEMES, "url")
    if parts.password or parts.username or parts.fragment or (shown and parts.query):
        raise Invalid("url holds a user, a password or a query: name the whole address by reference instead")
    if not allow_local and (parts.scheme == "http" or is_local(parts.hostname or "")):
        raise Invalid("url must be https and not point at this machine or its network")


def _split(url: str, schemes: frozenset[str], field: str) -> SplitResult:
    if _UNSPEAKABLE.search(url):
        raise Invalid(f"{field} holds a space, a backslash or a control character: write it percent-encoded")
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname or (parts.scheme == "file" and parts.path)) and parts.port != 0
    except ValueError as error:
        raise Invalid(f"{field} is no address: its host or port cannot be read") from error
    if parts.scheme not in schemes or not named:
        raise Invalid(f"{field} is no address that can be used: start it with one of {', '.join(sorted(schemes))}")
    if (parts.hostname or "").startswith("-") or (parts.username or "").startswith("-"):
        raise Invalid(f"{field} names a host or user that ssh would take for an option")
    return parts


def is_local(host: str) -> bool:
    """Whether a host is on this machine or its network as far as its name tells; where it leads is checked later."""
    name = host.rstrip(".").partition("%")[0]
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_LOCAL) or bool(_ENDS_IN_NUMBER.fullmatch(name))
    return not (getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address).is_global


def is_loopback(host: str) -> bool:
    """Whether a host's name says that it is the very machine that asks."""
    name = host.rstrip(".")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
