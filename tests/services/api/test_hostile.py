"""Whatever is sent to the API, it is the sender's fault: never ours, and nothing that is secret is ever answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.rules.keys import shown, subscriber_key, token
from shared.services.api.openapi import PATH
from shared.services.api.portal import QUERY
from tests.services.api.conftest import TOKEN, body
from tests.services.api.portals import Whole, whole
from tests.services.dispatch_parts import MASTER, SubscriberStand
from tests.services.dispatch_stage import Stage

WINDOW = {"cron": "0 9 * * 1-5", "duration": "8h", "time_zone": "Europe/Berlin"}
SAFETY = {
    "cooldown": "30m",
    "max_runs": {"cluster": 2, "namespace": 1},
    "storm": {"triggers": 10, "within": "5m"},
    "expiry": "1h",
    "windows": [WINDOW],
    "allowed_namespaces": ["shop"],
    "allowed_faults": ["pod-*"],
    "ignore_rollbacks": True,
    "ignore_zero": True,
    "stop_conditions": [],
    "approval_namespaces": ["shop"],
}
GITOPS = {
    "enabled": True,
    "provider": "git",
    "repo_url": "https://git.example.org/r",
    "branch": "main",
    "path": "litmus/shop",
    "credential": "file:token",
    "webhook_secrets": ["file:hook"],
    "write_back": "commit",
    "run_on_push": "never",
    "default_policy": True,
    "mode": "enforce",
}
BODIES = {
    ("POST", "/projects"): {"id": "bank", "name": "Bank"},
    ("PUT", "/projects/shop/gitops"): GITOPS,
    ("POST", "/projects/shop/clusters"): {
        "id": "c7",
        "name": "x",
        "labels": {"env": "test"},
        "subscriber_url": "https://subscriber.example.org/orders",
    },
    ("PUT", "/projects/shop/safety"): SAFETY,
    ("PUT", "/projects/shop/freeze"): {"reason": "x"},
    ("PUT", "/projects/shop/clusters/c1/freeze"): {"reason": "x"},
    ("POST", "/projects/shop/experiments/kill/runs"): {"clusters": ["c1"]},
    ("POST", "/projects/shop/experiments/kill/schedule"): {"accept": True},
    ("PUT", "/projects/shop/sinks"): [{"name": "chat", "url": "https://chat.example.org/in", "events": ["run.*"]}],
    ("POST", "/projects/shop/runs/{run}/approve"): {"reason": "x"},
    ("POST", "/projects/shop/runs/{run}/deny"): {"reason": "x"},
    ("POST", "/projects/shop/experiments/kill/rename"): {"path": "litmus/shop/kill.yaml"},
    ("POST", "/projects/shop/conflicts/{conflict}/settle"): {"take": "merged", "text": "kind: Workflow"},
    ("POST", "/projects/shop/release"): {"drop": False},
    ("POST", "/projects/shop/export"): {"experiments": ["kill"], "policies": ["litmus/shop/p.yaml"], "drop": True},
    ("POST", "/projects/shop/policies/simulate"): {"policy": {"kind": "x"}, "since": "2026-01-31T00:00:00Z"},
    ("POST", "/projects/shop/events/{event}/replay"): {"dry_run": True},
    ("POST", "/projects/shop/clusters/c1/rotate"): {"grace": "24h"},
    ("POST", "/projects/shop/webhook/rotate"): {"secret": "file:next"},
    ("POST", "/projects/shop/webhook/retire"): {"secret": "file:hook"},
}
DEEP = json.loads('{"a":' * 400 + "1" + "}" * 400)
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", " ", "x" * 5000, "\ud800", "\x00", "\n"),
    *("\u202e", "../..", "https://[", "file:", "env:HOME", "99999999d", [], [[]], [None], [1], {}, {"": ""}),
    *({"\ud800": "x"}, DEEP),
]
NAMES = [
    *("none", "..", ".", "%2e%2e", "%", "%00", "a b", "ü", "\u202e", "\ud800", "\x00", "a\nb", "'; DROP", "x" * 512),
    *("x" * 5000, "shop\x00", "{0}", "*", "__class__", "-1", "0", "1e9"),
]


VALUES = ["", "-", "501", "0000005000000", "\uff11", "1_0", "1.0", "+1", "____", "YQ", "YQ==", "/w", "_w", "wA"]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with SubscriberStand().open() as subscriber:
        stage = Stage(tmp_path_factory.mktemp("stage"), subscriber)
        yield whole(stage)
        stage.database.close()


def mutants(value: Any) -> Iterator[Any]:
    """Yield the value with each part of it, at any depth, taken away, added to, or replaced by something odd."""
    yield from ODD
    if isinstance(value, dict):
        for key, part in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: mutant} for mutant in mutants(part))
        yield {**value, "unheard_of": 1}
    elif isinstance(value, list):
        for part in value:
            yield [part] * 2000
            yield from ([mutant] for mutant in mutants(part))


@pytest.mark.parametrize(("method", "path"), BODIES, ids=lambda part: part.strip("/").replace("/", "-"))
def test_a_body_in_which_anything_is_odd_is_never_our_fault(portal: Whole, method: str, path: str) -> None:
    event = body(portal.call("GET", "/projects/shop/events"))["items"][0]["id"]
    for number, mutant in enumerate(mutants(BODIES[method, path])):
        answer = portal.call(method, path.replace("{event}", event), json.dumps(mutant).encode())
        assert answer.status < 500, (number, mutant)
        answered(answer.body)


def answered(value: object) -> None:
    """Claim that an answer can be sent."""
    assert json.dumps(value) is not None


def operations(portal: Whole) -> list[tuple[str, str]]:
    """Return method and path of whatever the API offers the owner."""
    routes = [(route.method, route.template) for route in portal.routes if route.template.startswith("/api")]
    return [one for one in routes if one[1] != QUERY]


def test_every_body_that_is_read_is_tried(portal: Whole) -> None:
    paths = body(portal.call("GET", PATH.removeprefix("/api")))["paths"]
    reading = {
        (method.upper(), path.removeprefix("/api"))
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "$ref" in str(operation.get("requestBody", {}))
    }
    named = {"shop": "{project}", "c1": "{cluster}", "kill": "{experiment}"}
    tried = {(method, "/".join(named.get(part, part) for part in path.split("/"))) for method, path in BODIES}
    assert reading == tried


def test_a_name_in_a_path_may_be_anything(portal: Whole) -> None:
    known = {"project": "shop", "experiment": "kill", "cluster": "c1"}
    for method, template in operations(portal):
        for odd in (part for part in template.split("/") if part.startswith("{")):
            for name in NAMES:
                path = template.removeprefix("/api").replace(odd, name)
                for known_name, value in known.items():
                    path = path.replace(f"{{{known_name}}}", value)
                answer = portal.call(method, path, b"{}" if method in {"POST", "PUT"} else None)
                assert 400 <= answer.status < 500, (method, path)
                answered(answer.body)


@pytest.mark.parametrize("name", ["limit", "cursor", "kind", "workload", "since"])
def test_a_parameter_may_be_anything(portal: Whole, name: str) -> None:
    kinds = ("experiments", "experiments/kill/history", "clusters", "policies", "runs", "events")
    for path in ["/projects", *(f"/projects/shop/{kind}" for kind in kinds), "/dead-letters"]:
        for value in (one for one in [*NAMES, *VALUES] if "&" not in one and "?" not in one):
            answer = portal.call("GET", f"{path}?{name}={value}")
            assert answer.status in {200, 400}, (path, value)
            answered(answer.body)


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-W01-1T00:00:00Z"])
def test_a_time_at_the_edge_of_time_is_one(portal: Whole, since: str) -> None:
    assert portal.call("GET", f"/projects/shop/events?since={since}").status == 200


def test_no_limit_is_over_the_bound(portal: Whole) -> None:
    for limit in ("501", "0501", "0000005000000", "9" * 5000):
        assert portal.call("GET", f"/projects?limit={limit}").status == 400


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer x{TOKEN}", "Bearer ü", TOKEN]
)
def test_every_operation_is_the_owners_alone(portal: Whole, given: str) -> None:
    for method, template in operations(portal):
        if template != PATH:
            path = template.removeprefix("/api").replace("{project}", "shop")
            assert portal.call(method, path, authorization=given).status == 401, (method, template)


def test_no_answer_holds_a_secret(portal: Whole) -> None:
    (Path(portal.stage.repository).parent / "hook").write_text("hunter2")
    made = portal.call("POST", "/projects/shop/clusters", {"id": "c8", "name": "x"})
    assert shown(subscriber_key(MASTER, "c8", 1)) in str(made.body)
    portal.call("PUT", "/projects/shop/gitops", {**GITOPS, "webhook_secrets": ["file:hook"]})
    known = [TOKEN, "hunter2", MASTER.hex(), shown(subscriber_key(MASTER, "c8", 1)), token(MASTER, "audit", "c8", 1)]
    for method, template in operations(portal):
        path = deepcopy(template).removeprefix("/api").replace("{project}", "shop").replace("{experiment}", "kill")
        if method == "GET":
            answer = str(portal.call(method, path).body)
            assert not [secret for secret in known if secret in answer], template
