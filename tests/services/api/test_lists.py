from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import Misconfigured
from shared.model.experiments import Problem
from shared.model.messages import Message
from shared.model.policies import Condition, Policy, PolicyBook
from shared.services.tables import POLICIES
from tests.services.api.conftest import Api, body, everything
from tests.services.api.portals import whole
from tests.services.dispatch_stage import Stage

LETTERS = "/dead-letters"


@pytest.fixture
def api(stage: Stage) -> Api:
    return whole(stage).call


def bury(stage: Stage, number: int) -> None:
    for one in range(number):
        stage.store.commit([], [Message(f"m{one}", "sync", "project", {"project": "shop"})])
    while claims := stage.queue.receive(10, 30):
        for claimed in claims:
            stage.queue.nack(claimed, str(Misconfigured("the secret file:hook is missing")), 0)


def pages(api: Api, path: str, name: Callable[[Any], str]) -> list[str]:
    """Return the names of all rows of a list, two at a time."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = body(api("GET", f"{path}?limit=2&cursor={cursor}"))
        found += map(name, page["items"])
        cursor = page["next"]
    return found


def test_policies_are_listed_with_what_is_wrong_with_them(api: Api, stage: Stage) -> None:
    good = Policy("images", conditions=(Condition("spec.replicas", "Change"),), path="litmus/shop/images.yaml")
    bad = Policy("broken", path="litmus/shop/broken.yaml", problem=Problem("no such operator", 7, 3))
    stage.store.commit([POLICIES.put(PolicyBook((good, bad)), "shop")])
    rows = body(api("GET", "/projects/shop/policies"))["items"]
    assert [("broken", "invalid"), ("images", "active")] == [(row["name"], row["state"]) for row in rows]
    assert {"message": "no such operator", "line": 7, "column": 3} == rows[0]["problem"]


def test_policies_are_paged_to_the_end(api: Api, stage: Stage) -> None:
    policies = tuple(Policy(f"p{number}", path=f"litmus/shop/ü{number}.yaml") for number in range(5))
    stage.store.commit([POLICIES.put(PolicyBook(policies), "shop")])
    found = pages(api, "/projects/shop/policies", lambda row: row["name"])
    assert [f"p{number}" for number in range(5)] == found


def test_dead_letters_say_what_was_asked_and_why_it_was_given_up(api: Api, stage: Stage) -> None:
    assert {"items": [], "next": None} == body(api("GET", LETTERS))
    bury(stage, 1)
    (letter,) = body(api("GET", LETTERS))["items"]
    assert ("m0", "sync", "project", {"project": "shop"}) == tuple(
        letter["message"][name] for name in ("id", "function", "action", "ids")
    )
    assert (True, True) == (letter["attempts"] > 1, "file:hook is missing" in letter["reason"])


def test_dead_letters_are_paged_to_the_end(api: Api, stage: Stage) -> None:
    bury(stage, 5)
    found = pages(api, LETTERS, lambda row: row["message"]["id"])
    assert ["m0", "m1", "m2", "m3", "m4"] == found


def test_a_dead_letter_is_delivered_again_once(api: Api, stage: Stage) -> None:
    bury(stage, 1)
    answer = api("POST", f"{LETTERS}/m0/redrive")
    assert (202, {"id": "m0"}) == (answer.status, answer.body)
    assert ["m0"] == [claimed.message.id for claimed in stage.queue.receive(10, 30)]
    assert api("POST", f"{LETTERS}/m0/redrive").status == 404


@pytest.mark.parametrize("kind", ["experiments", "clusters", "policies", "runs", "events"])
def test_a_list_of_a_project_that_is_not_there_is_not_found(api: Api, kind: str) -> None:
    assert api("GET", f"/projects/none/{kind}").status == 404


@pytest.mark.parametrize("kind", ["experiments", "clusters", "policies", "runs", "events"])
def test_an_empty_cursor_begins_at_the_beginning(api: Api, kind: str) -> None:
    first, again = (api("GET", f"/projects/shop/{kind}{query}").body for query in ("", "?cursor="))
    assert first == again
    assert everything(api, f"/projects/shop/{kind}", 1) or kind == "policies"
