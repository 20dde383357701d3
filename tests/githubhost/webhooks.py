"""Webhooks, what they deliver, and the list of deliveries; each is really posted, once, within GitHub's ten seconds."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any, Final

import urllib3

from tests.githubhost.calls import Answer, Call, Handler, refuse
from tests.githubhost.world import Hook, Repository, now, number

SECONDS: Final = 10.0
_POOL: Final = urllib3.PoolManager(timeout=SECONDS, retries=False)


def deliver(repository: Repository, event: str, payload: dict[str, Any]) -> None:
    """Send an event to each hook that wants it."""
    for hook in repository.hooks.values():
        if hook.active and {event, "*"} & {*hook.events, *({"ping"} if event == "ping" else ())}:
            _send(hook, event, json.dumps(payload).encode(), str(uuid.uuid4()), again=False)


def _send(hook: Hook, event: str, body: bytes, guid: str, *, again: bool) -> None:
    started, headers = time.monotonic(), _headers(hook, event, body, guid)
    try:
        answer = _POOL.request("POST", hook.config["url"], body=body, headers=headers)
        code, status = answer.status, "OK" if answer.status < 300 else f"Invalid HTTP Response: {answer.status}"
    except urllib3.exceptions.HTTPError:
        code, status = 502, "failed to connect to host"
    record(hook, event, code, status, guid, again=again, seconds=time.monotonic() - started)
    hook.payloads[guid] = body


def record(
    hook: Hook,
    event: str,
    code: int,
    status: str,
    guid: str,
    *,
    again: bool = False,
    seconds: float = 0.1,
    at: str = "",
) -> None:
    """Keep a delivery in the hook's list."""
    delivery = {
        "id": number(),
        "guid": guid,
        "delivered_at": at or now(),
        "redelivery": again,
        "duration": round(seconds, 2),
        "status": status,
        "status_code": code,
        "event": event,
        "action": None,
        "installation_id": None,
        "repository_id": None,
        "throttled_at": None,
    }
    hook.deliveries.append(delivery)
    word = "active" if 200 <= code < 300 else "misconfigured"
    hook.last = {"code": code, "status": word, "message": status}


def _headers(hook: Hook, event: str, body: bytes, guid: str) -> dict[str, str]:
    kind = {"json": "application/json"}.get(
        hook.config.get("content_type", "form"), "application/x-www-form-urlencoded"
    )
    headers = {
        "Content-Type": kind,
        "User-Agent": "GitHub-Hookshot/3c1a2b4",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook.number),
    }
    secret = hook.config.get("secret")
    if secret:
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return headers


def _list(call: Call) -> Answer:
    _need(call)
    return call.page([_shown(call, hook, call.example()[0]) for hook in call.repository.hooks.values()])


def _create(call: Call) -> Answer:
    _need(call, "write")
    config = call.body.get("config", {})
    _check(call, config, None)
    hook = Hook(number(), dict(config), call.body.get("events", ["push"]), call.body.get("active", True))
    call.repository.hooks[hook.number] = hook
    return Answer(201, _shown(call, hook, call.example(201)))


def _change(call: Call) -> Answer:
    _need(call, "write")
    hook = _hook(call)
    if "config" in call.body:
        _check(call, call.body["config"], hook)
        hook.config = dict(call.body["config"])
    hook.events = call.body.get("events", hook.events)
    hook.active = call.body.get("active", hook.active)
    return Answer(200, _shown(call, hook, call.example()))


def _check(call: Call, config: dict[str, Any], changed: Hook | None) -> None:
    if not str(config.get("url", "")).startswith("http"):
        refuse(422, "Validation Failed", errors=[{"resource": "Hook", "code": "custom", "message": "url is not a URL"}])
    others = [hook for hook in call.repository.hooks.values() if hook is not changed]
    if any(hook.config["url"] == config["url"] for hook in others):
        message = "Hook already exists on this repository"
        refuse(422, "Validation Failed", errors=[{"resource": "Hook", "code": "custom", "message": message}])


def _ping(call: Call) -> Answer:
    _need(call)
    hook = _hook(call)
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.number,
        "repository": call.server.payload(call.repository),
    }
    _send(hook, "ping", json.dumps(payload).encode(), str(uuid.uuid4()), again=False)
    return Answer(204)


def _deliveries(call: Call) -> Answer:
    _need(call)
    found = [dict(one) | {"repository_id": call.repository.number} for one in reversed(_hook(call).deliveries)]
    return call.cursor(found)


def _attempt(call: Call) -> Answer:
    _need(call, "write")
    hook = _hook(call)
    was = next((one for one in hook.deliveries if one["id"] == call.number("delivery_id")), None)
    if was is None:
        refuse(404, "Not Found")
    _send(hook, was["event"], hook.payloads.get(was["guid"], b"{}"), was["guid"], again=True)
    return Answer(202, {})


def _hook(call: Call) -> Hook:
    return call.repository.hooks.get(call.number("hook_id")) or refuse(404, "Not Found")


def _need(call: Call, level: str = "read") -> None:
    call.need("repository_hooks", level)


def _shown(call: Call, hook: Hook, example: dict[str, Any]) -> dict[str, Any]:
    secret = {"secret": "********"} if hook.config.get("secret") else {}
    return example | {
        "id": hook.number,
        "active": hook.active,
        "events": hook.events,
        "config": {"content_type": "form", "insecure_ssl": "0", **hook.config, **secret},
        "url": f"{call.server.api_url}/repos/{call.repository.full_name}/hooks/{hook.number}",
        "last_response": hook.last,
    }


HANDLERS: dict[str, Handler] = {
    "GET /repos/{owner}/{repo}/hooks": _list,
    "POST /repos/{owner}/{repo}/hooks": _create,
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}": _change,
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/pings": _ping,
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries": _deliveries,
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts": _attempt,
}
