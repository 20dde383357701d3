"""Webhooks of a project."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.gitlabhost import answers, deliveries, repositories
from tests.gitlabhost.calls import Answer, Call, Parameter, Refused, route
from tests.gitlabhost.state import MAINTAINER, Event, Hook

SETTINGS = {
    "name": Parameter(),
    "description": Parameter(),
    **{name: Parameter(bool) for name in answers.EVENTS},
    "enable_ssl_verification": Parameter(bool),
    "token": Parameter(),
    "signing_token": Parameter(),
    "push_events_branch_filter": Parameter(),
    "branch_filter_strategy": Parameter(values=("wildcard", "regex", "all_branches")),
    "custom_webhook_template": Parameter(),
}
ONE = "/hooks/:hook_id"
TRIGGERS = tuple(name for name in answers.EVENTS if name not in {"deployment_events", "feature_flag_events"})
STATUSES = ("successful", "client_failure", "server_failure", *map(str, range(100, 600)))
A_MINUTE = 5
"""Tests, and deliveries sent again, that GitLab allows in a minute."""


def of(call: Call) -> Hook:
    """Return the hook that a call is about."""
    found = call.project.hooks.get(call.number("hook_id"))
    if found is None:
        raise Refused(404, {"message": "404 Not found"})
    return found


@route("GET", "/hooks", level=MAINTAINER, paged=True)
def listed(call: Call) -> Answer:
    return 200, [answers.hook(call.state, call.project, one) for one in call.project.hooks.values()]


@route("GET", ONE, level=MAINTAINER)
def shown(call: Call) -> Answer:
    return 200, answers.hook(call.state, call.project, of(call))


@route("POST", "/hooks", {"url": Parameter(required=True), **SETTINGS}, level=MAINTAINER)
def created(call: Call) -> Answer:
    if len(call.project.hooks) >= 100:
        raise Refused(422, {"message": {"base": ["Maximum number of project webhooks (100) exceeded"]}})
    hook = Hook(call.state.new_id(), call.given["url"], {})
    _set(call, hook)
    call.project.hooks[hook.id] = hook
    return 201, answers.hook(call.state, call.project, hook)


@route("PUT", ONE, {"url": Parameter(), **SETTINGS}, level=MAINTAINER)
def changed(call: Call) -> Answer:
    hook = of(call)
    if not call.given:
        raise Refused(400, {"error": "No parameters provided"})
    if call.given.get("url", hook.url) != hook.url:
        hook.token = ""
    _set(call, hook)
    return 200, answers.hook(call.state, call.project, hook)


@route("DELETE", ONE, level=MAINTAINER)
def removed(call: Call) -> Answer:
    del call.project.hooks[of(call).id]
    return 204, None


@route("POST", f"{ONE}/test/:trigger", level=MAINTAINER)
def tested(call: Call) -> Answer:
    hook, trigger = of(call), call.path["trigger"]
    if trigger not in TRIGGERS:
        raise Refused(400, {"error": "trigger does not have a valid value"})
    _limited(call, "test", hook)
    if trigger != "push_events" or not repositories.heads(call.project.folder):
        raise Refused(422, {"message": "Ensure the project has at least one commit."})
    sent = deliveries.push(call.state, call.project, hook, "main")
    if not 200 <= deliveries.number(sent) < 300:
        raise Refused(422, {"message": sent.response_status})
    return 201, {"message": "201 Created"}


@route(
    "GET",
    f"{ONE}/events",
    {"status": Parameter(values=STATUSES), "per_page": Parameter(int, values=tuple(range(1, 21)))},
    level=MAINTAINER,
    paged=True,
)
def events(call: Call) -> Answer:
    since = call.state.now() - timedelta(days=7)
    found = [one for one in reversed(of(call).events) if one.created_at >= since]
    shown = [answers.event(one) for one in found]
    return 200, shown if call.state.tells_times else [_timeless(one) for one in shown]


@route("POST", f"{ONE}/events/:hook_event_id/resend", level=MAINTAINER)
def resent(call: Call) -> Answer:
    hook = of(call)
    _limited(call, "resend", hook)
    event = _event(hook, call.number("hook_event_id"))
    if event.url != hook.url:
        raise Refused(422, {"message": "The hook URL has changed, and this log entry cannot be retried"})
    if answers.alert(call.state, hook) != "executable":
        raise Refused(422, {"message": "Hook disabled"})
    sent = deliveries.again(call.state, hook, event)
    if not deliveries.number(sent):
        raise Refused(422, {"message": "Failed to open TCP connection"})
    return 201, {"response_status": deliveries.number(sent)}


def _timeless(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "created_at"}


def _event(hook: Hook, number: int) -> Event:
    found = next((one for one in hook.events if one.id == number), None)
    if found is None:
        raise Refused(404, {"message": "404 Not found"})
    return found


def _limited(call: Call, what: str, hook: Hook) -> None:
    now = call.state.now()
    times = call.state.limits.setdefault((what, hook.id, call.token.user.id), [])
    times[:] = [one for one in times if one > now - timedelta(minutes=1)]
    if len(times) >= A_MINUTE:
        text = "This endpoint has been requested too many times. Try again later."
        raise Refused(429, {"message": {"error": text}}, Retry_After="60")
    times.append(now)


def _set(call: Call, hook: Hook) -> None:
    given = dict(call.given)
    url = given.pop("url", hook.url)
    if not _reachable(call, url):
        raise Refused(422, {"error": "Invalid url given"})
    signing = given.pop("signing_token", None)
    if signing and call.state.release >= answers.SIGNING:
        _check_key(signing)
        hook.signing_token = signing
    hook.url, hook.token = url, given.pop("token", hook.token)
    hook.settings |= given


def _reachable(call: Call, url: str) -> bool:
    parts = urlsplit(url)
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and (call.state.local_hooks or not local)


def _check_key(token: Any) -> None:
    wrong = Refused(422, {"message": {"signing_token": ["must be whsec_ and the base64 of a 32-byte key"]}})
    if not token.startswith("whsec_"):
        raise wrong
    try:
        key = base64.b64decode(token.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise wrong from error
    if len(key) != 32:
        raise wrong
