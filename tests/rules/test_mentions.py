from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.model.experiments import Problem
from shared.model.policies import Condition, Policy
from shared.rules import mentions as module
from shared.rules.mentions import mentions


def policy(name: str, *keys: str, problem: Problem | None = None) -> Policy:
    return Policy(name, conditions=tuple(Condition(key, "Change") for key in keys), problem=problem)


POLICIES = (
    policy("first", "spec.a"),
    policy("b", "spec.b"),
    policy("c and b", "spec.c", "spec.b"),
    policy("any change"),
    policy("broken", "spec.a", problem=Problem("it has no name")),
    policy("a twice", "spec.a", "spec.a"),
)


def told(policies: Sequence[Policy], first: int, *moved: str) -> list[str]:
    return [one.name for one in mentions(policies, first).told(frozenset(moved).__contains__)]


@pytest.mark.parametrize(
    ("moved", "names"),
    [
        pytest.param((), ["first", "any change", "broken"], id="nothing"),
        pytest.param(("spec.b",), ["first", "b", "c and b", "any change", "broken"], id="what two name"),
        pytest.param(("spec.a",), ["first", "any change", "broken", "a twice"], id="what one names twice"),
        pytest.param(("spec.d",), ["first", "any change", "broken"], id="what none names"),
    ],
)
def test_those_are_told_whose_keys_moved_and_those_that_are_heard_anyhow(
    moved: tuple[str, ...], names: list[str]
) -> None:
    assert names == told(POLICIES, 1, *moved)
    assert names == told(list(POLICIES), 1, *moved)


def test_one_tuple_is_looked_through_once() -> None:
    assert mentions(POLICIES, 1) is mentions(POLICIES, 1)


def test_a_list_that_has_changed_is_looked_through_anew() -> None:
    policies = [policy("a", "spec.a")]
    assert [] == told(policies, 0, "spec.b")
    policies.append(policy("b", "spec.b"))
    assert ["b"] == told(policies, 0, "spec.b")


def test_many_projects_are_kept_within_bounds() -> None:
    books = [(policy(f"p{number}", f"spec.{number}"),) for number in range(600)]
    assert [[f"p{number}"] for number in range(600)] == [
        told(book, 0, f"spec.{number}") for number, book in enumerate(books)
    ]
    assert len(module._known) <= 256  # noqa: SLF001 - memory has no other outside
