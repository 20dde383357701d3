"""Whatever a signed payload's fields are: never our fault, and only those matter that name what moved."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from shared.model.deliveries import Ignored, Pull, Push
from tests import hosts
from tests.functions.receiving import Receiver
from tests.hosts import SECRET, fixture
from tests.octokit import deliveries
from tests.payloads import SEED, expected, mutants

pytestmark = pytest.mark.parametrize("receiver", ["waitress"], indirect=True)

NAMES = [
    *("github/push__branch", "github/pull_request__opened", "github/ping__new_webhook"),
    *("gitlab/push_hook__branch", "gitlab/merge_request_hook__opened", "git_hook/push__branch"),
]


def _due(speaker: str, event: str, body: bytes) -> int:
    """The status that a well signed body is to be answered with."""
    event = {"gitlab": event.replace("_", " ").title(), "git_hook": ""}.get(speaker, event)
    meant = expected(speaker.removesuffix("_hook"), event, "", json.loads(body))
    if isinstance(meant, Push):
        return 202 if meant.ref == "refs/heads/main" else 200
    if isinstance(meant, Pull):
        return 202 if meant.target == "main" else 200
    return 200 if meant is Ignored else 400


def _check(receiver: Receiver, speaker: str, event: str, payload: Any, share: float) -> None:
    project, draw = receiver.project(), random.Random(SEED)  # noqa: S311 - a slice, no secret
    for number, (what, body) in enumerate(mutants(payload, share, draw)):
        sent = hosts.headers(speaker, event, f"d-{number}", body, SECRET)
        assert _due(speaker, event, body) == receiver.send(project, body, sent).status, (event, what)


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
@pytest.mark.parametrize("name", NAMES)
def test_only_the_fields_that_name_what_moved_matter(receiver: Receiver, name: str, seed: int) -> None:
    assert SEED == seed
    given = fixture(name)
    _check(receiver, given.speaker, given.event, json.loads(given.body), 0.2)


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
def test_so_it_is_with_what_github_publishes(receiver: Receiver, seed: int) -> None:
    published = [one for one in deliveries() if one[0] in {"push", "pull_request", "ping"}]
    for event, payload in random.Random(seed).sample(published, 5):  # noqa: S311 - a slice, no secret
        _check(receiver, "github", event, payload, 0.02)


@pytest.mark.parametrize("name", ["github/push__branch", "gitlab/push_hook__branch", "git_hook/push__branch"])
@pytest.mark.parametrize(
    "ref",
    [
        *("", "main", "refs/heads/", "refs/heads/main/", "refs/heads/MAIN", "refs/heads/main\x00", " refs/heads/main"),
        *("refs/heads/m\u0430in", "\U0001f4a5", "refs/heads/" + "x" * 1000, "../../refs/heads/main"),
    ],
)
def test_only_the_synced_branch_itself_is_accepted(receiver: Receiver, name: str, ref: str) -> None:
    given, project = fixture(name), receiver.project()
    body = json.dumps(json.loads(given.body) | {"ref": ref}).encode()
    answer = receiver.send(project, body, given.headers("d-1", body=body))
    assert (200, True) == (answer.status, "is not the synced branch 'main'" in answer.json()["ignored"])


@pytest.mark.parametrize("delivery", ["", "a/b", "x" * 129, "ü", "\t", "../../x", "%2F"])
def test_an_unusable_delivery_id_is_replaced_and_still_told_apart(receiver: Receiver, delivery: str) -> None:
    given, project = fixture("github/push__branch"), receiver.project()
    signed = given.headers(delivery.encode().decode("latin-1"))
    assert [202, 202] == [receiver.send(project, given.body, signed).status for _ in range(2)]
    kept = receiver.kept(project)
    assert (["accepted", "repeated"], 1, 2) == (kept.verdicts, len(kept.deliveries), kept.dirty)
