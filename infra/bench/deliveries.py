"""Push deliveries: verified, kept and answered, each a transaction on disk."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from infra.bench.figures import Figure
from infra.bench.house import MADE, PROJECT, SECRET, House, gitops
from infra.bench.load import Maker, Measured, load, request
from shared.model.experiments import SyncState
from shared.model.projects import Project
from shared.services.tables import EVENTS, PROJECTS, SYNCS

COMMITS: Final = 3
TENANTS: Final = 20
ACCEPTED: Final = 202


class NotKept(RuntimeError):
    """Fewer deliveries were kept than were accepted."""


def measure(house: House, seconds: float) -> Iterator[Figure]:
    """Deliver pushes to many projects, then all to one, each with its own id; the empty function gets the same."""
    names = [f"{PROJECT}-{number}" for number in range(TENANTS)]
    house.store.commit([PROJECTS.put(Project(name, name, MADE, gitops()), name) for name in (PROJECT, *names)])
    with house.serve("empty") as started:
        empty = load(started.port, _maker(names), 200, seconds)
    with house.serve("git_push") as started:
        many = load(started.port, _maker(names), ACCEPTED, seconds)
        one = load(started.port, _maker([PROJECT]), ACCEPTED, seconds)
    _check(house, names, many)
    _check(house, [PROJECT], one)
    yield from _figures(f"to {TENANTS} projects", many, empty)
    yield from _figures("all to one project", one, empty)


def _figures(name: str, ours: Measured, empty: Measured) -> Iterator[Figure]:
    yield Figure("git_push", f"{name}: deliveries", ours.rate, "/s", "empty function", empty.rate)
    yield Figure("git_push", f"{name}: p50", ours.p50, "ms", "empty function", empty.p50)
    yield Figure("git_push", f"{name}: p99", ours.p99, "ms", "empty function", empty.p99)


def _check(house: House, names: list[str], ours: Measured) -> None:
    states = [SYNCS.load_or(house.store, SyncState(), name).value for name in names]
    newest = house.store.query(EVENTS.partition(names[0], "delivery"), limit=1, newest_first=True)
    if sum(state.dirty for state in states) < ours.count or EVENTS.read(newest[0]).value.verdict != "accepted":
        raise NotKept(f"{ours.count} deliveries were accepted, and the store does not say so")


def _maker(projects: list[str]) -> Maker:
    body = json.dumps(_push(), indent=1).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }

    def make(number: int) -> bytes:
        path = f"/git/{projects[number % len(projects)]}"
        return request(path, headers | {"X-GitHub-Delivery": f"bench-{number}"}, body)

    return make


def _push() -> dict[str, Any]:
    """Return a push as long as GitHub's are."""
    person = {"name": "Ada", "email": "ada@example.com", "username": "ada"}
    commits = [
        {
            "id": f"{number:040x}",
            "message": f"Change experiment {number}.",
            "timestamp": "2026-01-01T00:00:00Z",
            "url": f"https://github.example.com/{PROJECT}/chaos/commit/{number:040x}",
            "author": person,
            "committer": person,
            "added": [],
            "removed": [],
            "modified": [f"litmus/{PROJECT}/experiment-{number}.yaml"],
        }
        for number in range(COMMITS)
    ]
    urls = {
        f"{kind}_url": f"https://api.github.example.com/repos/{PROJECT}/chaos/{kind}" for kind in "abcdefghijklmnop"
    }
    repository = {"id": 1, "full_name": f"{PROJECT}/chaos", "private": True, "default_branch": "main", **urls}
    heads = {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40}
    return heads | {"repository": repository, "pusher": person, "commits": commits, "head_commit": commits[-1]}
