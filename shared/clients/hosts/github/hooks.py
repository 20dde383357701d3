"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.calls import Calls
from shared.errors import Invalid, NotFound
from shared.model.hosting import FailedDelivery, Hook

EVENTS: Final = ("push", "pull_request")
"""What we read."""

_THERE: Final = "already exists"
_GOOD = range(200, 300)
_WELL: Final = {None, "unused", "active", "pending"}


class _Config(msgspec.Struct, frozen=True):
    url: str = ""
    content_type: str = "form"
    insecure_ssl: str | float = "0"


class _Last(msgspec.Struct, frozen=True):
    code: int | None = None
    status: str | None = None
    message: str | None = None


class _Hook(msgspec.Struct, frozen=True):
    id: int
    active: bool
    events: tuple[str, ...]
    config: _Config
    last_response: _Last = _Last()


class _Delivery(msgspec.Struct, frozen=True):
    id: int
    guid: str
    delivered_at: datetime
    status_code: int
    event: str


def listed(calls: Calls, where: Address) -> list[Hook]:
    """Return the webhooks."""
    return [_told(found) for found in calls.pages(f"{where.path}/hooks", _Hook)]


def save(calls: Calls, where: Address, url: str, secret: str, hook: str | None) -> Hook:
    """Create a hook, or make the one that is named, or that delivers to `url` already, the one that is wanted.

    All of `config` is sent: GitHub drops a secret that a change does not repeat.
    """
    config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
    body = {"config": config, "events": list(EVENTS), "active": True}
    if hook is not None:
        return _told(calls.ask("PATCH", f"{where.path}/hooks/{_number(hook)}", _Hook, body))
    try:
        return _told(calls.ask("POST", f"{where.path}/hooks", _Hook, {"name": "web", **body}))
    except Invalid as error:
        there = next((one.id for one in listed(calls, where) if one.url == url), None)
        if _THERE not in str(error) or there is None:
            raise
        return save(calls, where, url, secret, there)


def ping(calls: Calls, where: Address, hook: str) -> None:
    """Have a ping sent."""
    calls.tell("POST", f"{where.path}/hooks/{_number(hook)}/pings")


def failed(calls: Calls, where: Address, hook: str, since: datetime) -> list[FailedDelivery]:
    """Return the last attempts of deliveries that never succeeded, oldest first; GitHub lists the newest first."""
    last: dict[str, _Delivery] = {}
    succeeded: set[str] = set()
    for one in calls.pages(f"{where.path}/hooks/{_number(hook)}/deliveries", _Delivery):
        if one.delivered_at < since:
            break
        last.setdefault(one.guid, one)
        if one.status_code in _GOOD:
            succeeded.add(one.guid)
    return [_failure(one) for one in reversed(last.values()) if one.guid not in succeeded]


def redeliver(calls: Calls, where: Address, hook: str, delivery: str) -> None:
    """Have a delivery attempted again."""
    calls.tell("POST", f"{where.path}/hooks/{_number(hook)}/deliveries/{_number(delivery)}/attempts")


def _told(found: _Hook) -> Hook:
    verified = str(found.config.insecure_ssl) in {"0", "0.0"}
    return Hook(str(found.id), found.config.url, found.events, found.active, verified, _problem(found))


def _problem(found: _Hook) -> str | None:
    if found.config.content_type != "json":
        return f"it sends {found.config.content_type} in place of json"
    last = found.last_response
    if last.code in _GOOD or (last.code is None and last.status in _WELL):
        return None
    return f"its last delivery: {last.message or last.status or 'no answer'}"


def _failure(one: _Delivery) -> FailedDelivery:
    at = one.delivered_at.astimezone(UTC).isoformat()
    return FailedDelivery(str(one.id), one.guid, at, one.event, one.status_code)


def _number(name: str) -> str:
    if not (name.isascii() and name.isdigit()):
        raise NotFound(f"GitHub has no hook or delivery {name!r}: its are numbers")
    return name
