"""Whatever a signed payload's fields are: never our fault, and only three of them matter."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.receiving import Receiver
from tests.hosts import fixture

pytestmark = pytest.mark.parametrize("receiver", ["waitress"], indirect=True)

NAMES = ["github/push__branch", "github/ping__new_webhook", "gitlab/push_hook__branch", "git_hook/push__branch"]
MATTER = ("ref", "before", "after")
GONE = object()
Place = tuple[str | int, ...]


def _places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a payload; of a list, the first item stands for all."""
    inner: dict[Any, Any] = dict(value) if isinstance(value, dict) else {}
    if isinstance(value, list):
        inner = dict(enumerate(value[:1]))
    for key, child in inner.items():
        yield (*at, key)
        yield from _places(child, (*at, key))


def _with(payload: Any, place: Place, value: Any) -> bytes:
    changed = copy.deepcopy(payload)
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    if value is GONE:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return json.dumps(changed).encode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [GONE, None, 7, [{"a": []}]], ids=["deleted", "null", "a-number", "a-list"])
def test_only_the_fields_that_name_the_push_matter(receiver: Receiver, name: str, value: object) -> None:
    given, project = fixture(name), receiver.project()
    payload = json.loads(given.body)
    expected = receiver.send(project, given.body, given.headers("d-1")).status
    for number, place in enumerate(_places(payload)):
        body = _with(payload, place, value)
        status = receiver.send(project, body, given.headers(f"d-{number}", body=body)).status
        assert status in ({200, 202, 400} if place[0] in MATTER else {expected}), place


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
    body = _with(json.loads(given.body), ("ref",), ref)
    answer = receiver.send(project, body, given.headers("d-1", body=body))
    assert (200, True) == (answer.status, "is not the synced branch 'main'" in answer.json()["ignored"])


@pytest.mark.parametrize("delivery", ["", "a/b", "x" * 129, "ü", "\t", "../../x", "%2F"])
def test_an_unusable_delivery_id_is_replaced_and_still_told_apart(receiver: Receiver, delivery: str) -> None:
    given, project = fixture("github/push__branch"), receiver.project()
    signed = given.headers(delivery.encode().decode("latin-1"))
    assert [202, 202] == [receiver.send(project, given.body, signed).status for _ in range(2)]
    kept = receiver.kept(project)
    assert (["accepted", "repeated"], 1, 2) == (kept.verdicts, len(kept.deliveries), kept.dirty)
