from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.changes import Change, Changed
from shared.model.experiments import Problem
from shared.model.policies import Condition, Decision, Judged, Selector
from shared.model.projects import Window
from tests.rules.policed import AUTOSCALER, GROWN, GROWTH, change, decided, policy, side

DAY: Final = Window("0 9 * * *", "8h")
NIGHT: Final = Window("0 22 * * *", "4h")


def test_a_policy_that_matches_says_what_it_compared() -> None:
    reason = "spec.replicas is 3, which is greater than 2 (as numbers), and it was 2 before"
    found = decided(GROWTH, policy())

    assert (found.experiments, found.rule, found.reason) == (
        ("pod-delete", "pod-cpu-hog"),
        "policy",
        f"grown: {reason}",
    )
    assert found.opinions[0].conditions == (
        Judged("spec.replicas", "GreaterThan", "2", found=3, before=2, holds=True, changed=True, reason=reason),
    )


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        pytest.param(
            Condition("spec.replicas", "LessThan", "3"),
            "spec.replicas is 3, which is not less than 3 (as numbers), and it was 2 before",
            id="does not hold",
        ),
        pytest.param(
            Condition("spec.image", "EqualTo", "a:1"),
            'spec.image is "a:1", which equals "a:1" (as text), and it did not change',
            id="holds and did not change",
        ),
        pytest.param(
            Condition("spec.image", "NotEqualTo", "a:1"),
            'spec.image is "a:1", which equals "a:1" (as text), and it did not change',
            id="does not differ",
        ),
        pytest.param(
            Condition("spec.gone", "GreaterThanEqualTo", "1"),
            "spec.gone is nothing, which is not at least 1 (nothing was found), and it did not change",
            id="nothing",
        ),
        pytest.param(Condition("spec.image", "Change"), 'spec.image is "a:1", it did not change', id="no change"),
    ],
)
def test_a_condition_that_does_not_count_says_why(condition: Condition, reason: str) -> None:
    tried = change(side({"replicas": 2, "image": "a:1"}), side({"replicas": 3, "image": "a:1"}))
    found = decided(tried, policy(conditions=(condition,)))

    assert ((), "no policy matches", f"no policy matches: grown: {reason}") == (
        found.experiments,
        found.rule,
        found.reason,
    )


def test_without_a_policy_the_reason_names_what_changed() -> None:
    many = tuple(Changed(f"spec.f{number}", "d") for number in range(7))
    found = decided(change(side({}), side({"f": 1}), many))

    assert found == Decision(
        ("pod-delete", "pod-cpu-hog"),
        "the project has no policy, so any change counts: "
        "spec.f0, spec.f1, spec.f2, spec.f3, spec.f4 and 2 more changed",
        "default",
    )


@pytest.mark.parametrize(
    ("tried", "default", "rule", "said"),
    [
        pytest.param(GROWTH, False, "default off", "without one nothing counts", id="the default turned off"),
        pytest.param(
            change(None, side({}), operation="CREATE"), True, "created", "unless a policy names CREATE", id="created"
        ),
        pytest.param(change(None, side({})), True, "created", "new to us", id="first seen"),
        pytest.param(
            change(side({}), side({}), actor=AUTOSCALER), True, "autoscaler", f"{AUTOSCALER} is an", id="an autoscaler"
        ),
        pytest.param(
            change(side({}), side({}), (), metadata_changed=(Changed("metadata.labels.a", "d"),)),
            True,
            "metadata only",
            "only metadata changed (metadata.labels.a)",
            id="metadata",
        ),
        pytest.param(change(side({}), side({}), ()), True, "metadata only", "(nothing that counts)", id="nothing"),
        pytest.param(
            change(side({}), side({}), operation="DELETE"), True, "deleted", "the workload was deleted", id="deleted"
        ),
        pytest.param(
            change(side({}), side({}, {"annotations": {}})), True, "not watched", "has not opted in", id="not watched"
        ),
        pytest.param(
            change(side({}), side({}, {"annotations": {"litmuschaos.io/gitops": "true"}})),
            True,
            "no experiment",
            "name no experiment",
            id="no experiment",
        ),
    ],
)
def test_what_starts_nothing_says_why(tried: Change, default: bool, rule: str, said: str) -> None:
    found = decided(tried, default_policy=default)

    assert ((), rule, True) == (found.experiments, found.rule, said in found.reason), found


def test_a_deletion_starts_nothing_whatever_a_policy_says() -> None:
    found = decided(
        change(side({}), side({"replicas": 3}), operation="DELETE"), policy(operations=("CREATE", "UPDATE"))
    )

    assert (found.experiments, found.rule) == ((), "deleted")


def test_an_invalid_policy_is_named_and_does_not_bring_the_default_back() -> None:
    found = decided(GROWTH, policy(problem=Problem("no such operator", 7, 3)))

    assert (found.experiments, found.reason) == ((), "no policy matches: grown: it is invalid: no such operator")


def test_an_invalid_policy_beside_a_valid_one_takes_nothing_from_it() -> None:
    found = decided(GROWTH, policy("broken", problem=Problem("x")), policy())

    assert [False, True] == [opinion.matches for opinion in found.opinions]
    assert found.experiments


def test_several_policies_make_one_trigger_for_each_experiment() -> None:
    found = decided(GROWTH, policy("a", experiments=("pod-cpu-hog",)), policy("b"), policy("c"))

    assert ("pod-delete", "pod-cpu-hog") == found.experiments


def test_the_longest_cooldown_and_wait_apply_to_each_experiment() -> None:
    found = decided(
        GROWTH,
        policy("a", cooldown="90m", wait="5m", experiments=("pod-delete",)),
        policy("b", cooldown="2h"),
        policy("c"),
        policy("d", cooldown="9h", selector=Selector(kinds=("Pod",))),
    )

    assert ({"pod-delete": "2h", "pod-cpu-hog": "2h"}, {"pod-delete": "5m"}) == (found.cooldowns, found.waits)


def test_an_experiment_may_start_in_any_window_of_its_policies_and_always_if_one_has_none() -> None:
    found = decided(
        GROWTH,
        policy("a", windows=(DAY, NIGHT), experiments=("pod-delete",)),
        policy("b", windows=(DAY,)),
        policy("c", windows=(NIGHT,), experiments=("pod-delete",)),
    )
    free = decided(GROWTH, policy("a", windows=(DAY,), experiments=("pod-delete",)), policy("b"))

    assert {"pod-delete": (DAY, NIGHT), "pod-cpu-hog": (DAY,)} == found.windows
    assert free.windows == {}


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        pytest.param(GROWTH, "it has no conditions, and spec.replicas changed", id="a change"),
        pytest.param(
            change(None, side({}), (), operation="CREATE"),
            "it has no conditions, and the workload changed",
            id="a creation",
        ),
        pytest.param(
            change(side({}), side({}), ()), "it has no conditions, and nothing changed outside metadata", id="metadata"
        ),
    ],
)
def test_a_policy_without_conditions_says_what_changed(tried: Change, reason: str) -> None:
    found = decided(tried, policy(conditions=(), operations=("CREATE", "UPDATE")))

    assert reason == found.opinions[0].reason


def test_a_reason_names_five_policies_and_counts_the_rest() -> None:
    found = decided(GROWTH, *(policy(f"p{number}", operations=("CREATE",)) for number in range(8)))

    assert "p4: it is not about operation UPDATE; and 3 more" in found.reason
    assert "p5" not in found.reason


VALUES: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 30), st.text("ab1.:%m", max_size=4)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from("abc"), below, max_size=3)),
    max_leaves=8,
)


CONDITIONS: Final = st.builds(
    Condition,
    st.sampled_from(["spec", "spec.a", "spec.b[0]", "spec.a[*].b", "spec.*", "length(spec)", "@", "spec.a || spec.b"]),
    st.sampled_from(["EqualTo", "NotEqualTo", "LessThan", "GreaterThanEqualTo", "Change"]),
    st.text("ab1.:%m[]{}", max_size=4),
)


@settings(max_examples=200, deadline=2000)
@given(VALUES, VALUES, st.lists(CONDITIONS, min_size=1, max_size=3), st.sampled_from(["and", "or"]))
def test_a_policy_matches_only_what_changed_at_one_of_its_keys(
    old: Any, new: Any, conditions: list[Condition], kind: Any
) -> None:
    tried = change(side(old), side(new), GROWN if json.dumps(old) != json.dumps(new) else ())
    opinion = decided(tried, policy(conditions=tuple(conditions), condition_type=kind)).opinions[0]

    holding = [one for one in opinion.conditions if one.holds]
    assert opinion.matches <= any(one.changed for one in holding)
    if kind == "and":
        assert opinion.matches <= (len(holding) == len(conditions))
    assert msgspec.json.encode(opinion)


def test_of_many_policies_those_are_told_that_might_match_and_the_first_of_the_others() -> None:
    idle = [policy(f"idle-{number}", conditions=(Condition("spec.image", "Change"),)) for number in range(9)]
    broken = msgspec.structs.replace(policy("broken"), problem=Problem("no key"))
    found = decided(GROWTH, *idle, broken, policy("grown"))

    assert ["idle-0", "idle-1", "idle-2", "idle-3", "idle-4", "broken", "grown"] == [
        opinion.policy for opinion in found.opinions
    ]
    assert (4, ("pod-delete", "pod-cpu-hog")) == (found.unmoved, found.experiments)


def test_of_many_policies_each_is_weighed_at_a_creation() -> None:
    idle = [
        policy(f"idle-{number}", conditions=(Condition("spec.gone", "EqualTo", "1"),), operations=("CREATE",))
        for number in range(9)
    ]
    created = change(None, side({"replicas": 3}), operation="CREATE")
    assert (9, 0) == (len(decided(created, *idle).opinions), decided(created, *idle).unmoved)


@pytest.mark.parametrize(
    ("autoscaled", "paths", "starts"),
    [
        pytest.param(True, ("spec.replicas",), False, id="replicas alone, and an autoscaler targets it"),
        pytest.param(True, ("spec.replicas", "spec.image"), True, id="more than replicas"),
        pytest.param(False, ("spec.replicas",), True, id="no autoscaler targets it"),
    ],
)
def test_a_change_that_nobody_signed_for_is_an_autoscalers_where_one_may_have_made_it(
    autoscaled: bool, paths: tuple[str, ...], starts: bool
) -> None:
    moved = msgspec.structs.replace(
        GROWTH, actor="", autoscaled=autoscaled, changed=tuple(Changed(path, "d") for path in paths)
    )
    for found in (decided(moved), decided(moved, policy())):
        assert starts == bool(found.experiments), found.reason
