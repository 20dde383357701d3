"""Webhooks, and what became of their deliveries.

Source of the rules: GitLab's documentation, "Project webhooks API" and "Webhooks" (auto-disabled webhooks, signing
tokens). GitLab sends a hook nothing any more after failures, for longer and longer, and after 40 for good; editing it
changes nothing in that, only a test that succeeds does.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final

from gitlab.exceptions import GitlabError

from shared.clients.hosts.gitlab.api import Api
from shared.clients.hosts.gitlab.shapes import HookEvent, WebHook
from shared.errors import NotFound
from shared.model.hosting import FailedDelivery, Hook

_EVENTS: Final = ("push_events", "merge_requests_events")
_TEST: Final = "push_events"
_ACTIVE: Final = "executable"
_REFUSED: Final = 422
_KEY: Final = 32
"""Bytes of a signing token's key: GitLab takes no other length."""

_PREFIX: Final = "whsec_"
_PAGE: Final = 20
"""Deliveries on a page: GitLab lists no more at once."""

_GOOD: Final = range(200, 300)


def listed(api: Api) -> list[Hook]:
    """Return the webhooks."""
    return [_hook(hook) for hook in api.each("/hooks", WebHook)]


def save(api: Api, url: str, secret: str, hook: str | None) -> Hook:
    """Create the webhook, or make `hook` that one; where GitLab will not have that, a new one takes its place.

    That is where it stays switched off, and where a secret token is to replace a signing token.
    """
    if hook is None:
        return _created(api, url, secret)
    there = api.get(f"/hooks/{_number(hook)}", WebHook)
    if _signs(secret) or not there.signing_token_present:
        kept = _updated(api, there.id, url, secret)
        if kept.alert_status == _ACTIVE or _revived(api, hook):
            return _hook(api.get(f"/hooks/{there.id}", WebHook))
    made = _created(api, url, secret)
    api.delete(f"/hooks/{there.id}")
    return made


def test(api: Api, hook: str) -> None:
    """Have GitLab send a push now: `Invalid` with what it got for it, if that is no success."""
    api.tell(f"/hooks/{_number(hook)}/test/{_TEST}")


def failed(api: Api, hook: str, since: datetime) -> list[FailedDelivery]:
    """Return the deliveries of which no attempt succeeded, oldest first; GitLab knows of a week, since release 17.3."""
    events = api.each(f"/hooks/{_number(hook)}/events", HookEvent, per_page=_PAGE)
    last: dict[str, FailedDelivery] = {}
    done: set[str] = set()
    for event in takewhile(lambda event: _at(event, since) >= since, events):
        one = _delivery(event, since)
        last.setdefault(one.delivery, one)
        done |= {one.delivery} if one.status in _GOOD else set()
    return [one for one in reversed(last.values()) if one.delivery not in done]


def redeliver(api: Api, hook: str, event: str) -> None:
    """Have GitLab send a delivery again, five times a minute at most; it refuses that after a change of the address."""
    api.tell(f"/hooks/{_number(hook)}/events/{_number(event)}/resend")


def _number(name: str) -> int:
    if not (name.isascii() and name.isdigit()):
        raise NotFound(f"{name[:60]!r} names nothing on GitLab, where webhooks and deliveries have numbers")
    return int(name)


def _created(api: Api, url: str, secret: str) -> Hook:
    made = api.post("/hooks", {**_wanted(url), **_secret(secret)}, WebHook)
    return _hook(_secured(api, made, url, secret))


def _updated(api: Api, hook: int, url: str, secret: str) -> WebHook:
    wanted = {**_wanted(url), "token": "", **_secret(secret)}
    return _secured(api, api.put(f"/hooks/{hook}", wanted, WebHook), url, secret)


def _secured(api: Api, hook: WebHook, url: str, secret: str) -> WebHook:
    """Give the secret as a token to a GitLab that took no notice of it as a signing token."""
    if not _signs(secret) or hook.signing_token_present:
        return hook
    return api.put(f"/hooks/{hook.id}", {"url": url, "token": secret}, WebHook)


def _revived(api: Api, hook: str) -> bool:
    """Whether a test succeeds, which has GitLab switch the hook on again."""
    try:
        test(api, hook)
    except GitlabError as error:
        if error.response_code != _REFUSED:
            raise
        return False
    return True


def _wanted(url: str) -> dict[str, str | bool]:
    return {
        "url": url,
        "name": "litmus-gitops",
        "enable_ssl_verification": True,
        "push_events_branch_filter": "",
        "branch_filter_strategy": "all_branches",
        **dict.fromkeys(_EVENTS, True),
    }


def _secret(secret: str) -> dict[str, str]:
    return {"signing_token" if _signs(secret) else "token": secret}


def _signs(secret: str) -> bool:
    """Whether GitLab can sign with it: `whsec_` and a key of 32 bytes in base64, as Standard Webhooks writes one."""
    prefix, key = secret[: len(_PREFIX)], secret[len(_PREFIX) :]
    try:
        return prefix == _PREFIX and len(base64.b64decode(key, validate=True)) == _KEY
    except ValueError:
        return False


def _hook(hook: WebHook) -> Hook:
    active = hook.alert_status == _ACTIVE
    return Hook(str(hook.id), hook.url, hook.events, active, hook.enable_ssl_verification, _problem(hook))


def _problem(hook: WebHook) -> str | None:
    if hook.alert_status == _ACTIVE:
        return None
    if hook.disabled_until and hook.alert_status == "temporarily_disabled":
        return f"GitLab sends nothing until {hook.disabled_until}, since deliveries failed"
    return "GitLab sends nothing any more, since too many deliveries failed"


def _delivery(event: HookEvent, since: datetime) -> FailedDelivery:
    headers = {name.lower(): value for name, value in event.request_headers.items()}
    status = int(event.response_status) if event.response_status.isdigit() else 0
    at = _at(event, since).astimezone(UTC).isoformat()
    delivery = headers.get("idempotency-key", str(event.id))
    return FailedDelivery(str(event.id), delivery, at, headers.get("x-gitlab-event", ""), status)


def _at(event: HookEvent, since: datetime) -> datetime:
    """Return when an attempt was made; a GitLab that does not say lists only those of the last week."""
    return datetime.fromisoformat(event.created_at) if event.created_at else since
