"""Payloads as hosts publish them, each with every single field deleted, nulled and retyped in turn."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from types import ModuleType

import msgspec
import pytest

from shared.errors import BadInput
from shared.model.deliveries import Delivery, Ignored
from shared.wire import git_hook, github, gitlab
from tests import hosts
from tests.octokit import deliveries
from tests.payloads import SEED, expected, mutants

MODULES: dict[str, ModuleType] = {"github": github, "gitlab": gitlab, "git": git_hook}
READ = ("push", "pull_request", "ping")
EVENTS = {"github": READ, "gitlab": ("push_hook", "merge_request_hook"), "git_hook": ("push",)}
FIXTURES = [name for name in hosts.names() if hosts.fixture(name).event in EVENTS[hosts.fixture(name).speaker]]


def read(speaker: str, event: str, body: bytes) -> Delivery | None:
    """Return what is read, None where the body is told not to be what its event is; any other error is let out."""
    headers = {"x-github-event": event, "x-github-delivery": "d-1", "webhook-id": "d-1"}
    headers |= {"x-gitlab-event": event} if speaker == "gitlab" else {}
    try:
        found: Delivery = MODULES[speaker].read(headers, body)
    except BadInput:
        return None
    return found


def check(speaker: str, event: str, bodies: Iterable[tuple[str, bytes]]) -> int:
    """Claim that each body is read as what it says, and count them."""
    count = 0
    for what, body in bodies:
        found, due = read(speaker, event, body), expected(speaker, event, "d-1", msgspec.json.decode(body))
        assert isinstance(found, Ignored) if due is Ignored else due == found, (event, what, due, found)
        count += 1
    return count


def test_every_published_delivery_is_read_as_what_it_says() -> None:
    for event, payload in deliveries():
        assert 1 == check("github", event, [("as it is", json.dumps(payload).encode())])


def _mutants_of_published(draw: random.Random | None, share: float) -> int:
    read = [(event, payload) for event, payload in deliveries() if event in READ]
    return sum(check("github", event, mutants(payload, share, draw)) for event, payload in read)


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
def test_a_published_delivery_with_a_field_wrong_is_read_as_what_is_left_of_it(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - a slice of the soak, no secret
    assert _mutants_of_published(draw, 0.2) > 10_000


@pytest.mark.soak
def test_every_published_delivery_with_each_field_wrong_is_read_as_what_is_left_of_it() -> None:
    assert _mutants_of_published(None, 1.0) > 100_000


@pytest.mark.parametrize("name", FIXTURES)
def test_a_recorded_delivery_with_each_field_wrong_is_read_as_what_is_left_of_it(name: str) -> None:
    given = hosts.fixture(name)
    speaker = given.speaker.removesuffix("_hook")
    event = {"gitlab": given.event.replace("_", " ").title(), "git": ""}.get(speaker, given.event)
    assert check(speaker, event, mutants(json.loads(given.body))) > 15
