"""Which webhook is ours, what it has to be, and when an old secret may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from shared.model.hooks import Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.projects import GitOps, Provider
from shared.rules.urls import is_local, is_loopback

QUIET: Final = timedelta(hours=1)
"""How long nothing may come with an old secret before it is retired without a person: hosts deliver in seconds."""

REVIVAL: Final = timedelta(hours=1)
"""A hook that the host switched off is switched on again no more often than this."""

LOOK: Final = timedelta(minutes=15)
"""Between two looks at a hook, of two requests each: 600 projects share one GitHub token of 5,000 an hour."""

SOON: Final = timedelta(minutes=1)
"""Until the next look where one left something to do."""

REDELIVERABLE: Final = timedelta(days=3)
"""GitHub redelivers what is not older (its documentation, "Redelivering webhooks")."""

_OVERLAP: Final = timedelta(minutes=10)
"""A host lists a failure when its attempt has ended, so later ones may be listed before it."""

EVENTS: Final[Mapping[Provider, frozenset[str]]] = {
    "github": frozenset({"push", "pull_request"}),
    "gitlab": frozenset({"push_events", "merge_requests_events"}),
    "git": frozenset(),
}
"""The events that a hook has to deliver, by the host's own names."""

_PUBLIC_HOSTS: Final = frozenset({"github.com", "gitlab.com", "ssh.github.com", "altssh.gitlab.com"})


def moment(stamp: str) -> datetime:
    """Return the time of a stamp, long ago for an empty one."""
    return datetime.fromisoformat(stamp) if stamp else datetime.min.replace(tzinfo=UTC)


def address_of(public_url: str, project: str) -> str:
    """Return where a project's deliveries go."""
    return f"{public_url.rstrip('/')}/git/{project}"


def ours(hooks: Iterable[Hook], address: str, known: str | None = None) -> list[Hook]:
    """Return the hooks that deliver to our address, the known one first, then by id."""
    found = [hook for hook in hooks if _same(hook.url, address)]
    return sorted(found, key=lambda hook: (hook.id != known, len(hook.id), hook.id))


def look_is_due(record: Webhook, gitops: GitOps, now: datetime) -> bool:
    """Whether a project's hook is to be looked at: plain git has none, and is only asked about a rotation."""
    concerned = bool(gitops.webhook_secrets) and (gitops.provider != "git" or bool(record.retiring))
    return concerned and moment(record.look_at) <= now


def switched_off(hook: Hook, provider: Provider) -> bool:
    """Whether it was the host that switched the hook off: GitHub never does, and on GitLab nobody else can."""
    return provider == "gitlab" and not hook.active


def missing_events(hook: Hook, provider: Provider) -> list[str]:
    """Return the events that a hook should deliver and does not; `*` are all of them."""
    return [] if "*" in hook.events else sorted(EVENTS[provider] - set(hook.events))


def unreachable(public_url: str, gitops: GitOps) -> str | None:
    """Return why the git host cannot deliver to our address, as far as the two addresses tell."""
    host = _host(gitops.repo_url)
    nearby = not host or is_loopback(host)
    if is_loopback(_host(public_url)) and not nearby:
        return f"{public_url} leads {host} to itself, not to this portal"
    if is_local(_host(public_url)) and host in _PUBLIC_HOSTS:
        return f"{public_url} is in a private network that {host} does not reach"
    return None


def stays(  # noqa: PLR0913 - what is decided on, each by its name
    reference: str,
    live: Sequence[str],
    record: Webhook,
    *,
    matched: Mapping[str, str],
    now: datetime,
    quiet: timedelta,
) -> str | None:
    """Return why an old secret must stay live, None where nobody is locked out without it.

    `live` are the project's secrets that can be read, `matched` is when each last came with a delivery.
    """
    given = record.given
    if given is None or reference == given:
        return "the webhook was not given another secret yet"
    if given not in live:
        return f"the webhook was given {given}, which is not live"
    if moment(matched.get(given, "")) <= moment(record.given_at):
        return f"no delivery has come with {given} yet"
    if now - max(moment(record.given_at), moment(matched.get(reference, ""))) < quiet:
        return f"deliveries with {reference} may still be on their way"
    return None


def earliest(record: Webhook, now: datetime) -> datetime:
    """Return since when failed deliveries are asked for."""
    return max(moment(record.since), now - REDELIVERABLE)


def seen_to(left: Iterable[FailedDelivery], now: datetime) -> datetime:
    """Return before which no failure needs another look, given those that are left."""
    return min([moment(one.at) for one in left] + [now]) - _OVERLAP


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
        return parts.scheme, parts.hostname or "", port, parts.path.rstrip("/")
    except ValueError:
        return "", "", None, url


def _host(url: str) -> str:
    """Return the host of an address, also of `user@host:path`; none of `file://`."""
    return urlsplit(url if "://" in url else f"ssh://{url.replace(':', '/', 1)}").hostname or ""
