from __future__ import annotations

import json
import time
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.changes import Change, Changed, Operation, Side, Workload
from shared.model.experiments import Problem
from shared.model.policies import Condition, Decision, Judged, Policy, Selector
from shared.model.projects import Window
from shared.rules.policies import decide

WATCHED: Final = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "pod-delete, pod-cpu-hog"}
GROWN: Final = (Changed("spec.replicas", "d"),)
REPLICAS: Final = Condition("spec.replicas", "GreaterThan", "2")
AUTOSCALER: Final = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
DAY: Final = Window("0 9 * * *", "8h")
NIGHT: Final = Window("0 22 * * *", "4h")


def side(spec: Any, metadata: dict[str, Any] | None = None, **body: Any) -> Side:
    head = {"name": "web", "namespace": "shop", "annotations": WATCHED}
    return Side("u1", {"metadata": head | (metadata or {}), "spec": spec, **body}, "d", 1)


def change(
    old: Side | None,
    new: Side,
    changed: tuple[Changed, ...] = GROWN,
    *,
    kind: str = "Deployment",
    actor: str = "admin",
    operation: Operation = "UPDATE",
    metadata_changed: tuple[Changed, ...] = (),
) -> Change:
    workload = Workload("c1", kind, "shop", "web")
    return Change(workload, "admission", operation, actor, "", new, old, changed, metadata_changed)


GROWTH: Final = change(side({"replicas": 2}), side({"replicas": 3}))


def policy(name: str = "grown", **fields: Any) -> Policy:
    return msgspec.structs.replace(Policy(name, conditions=(REPLICAS,)), **fields)


def decided(tried: Change, *policies: Policy, default_policy: bool = True, **labels: str) -> Decision:
    return decide(tried, policies, default_policy, labels)


def judged(key: str, old: Side, new: Side, kind: str = "Deployment") -> Judged:
    equal = Condition(key, "EqualTo", "hunter2")
    return decided(change(old, new, kind=kind), policy(conditions=(equal,))).opinions[0].conditions[0]


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


@pytest.mark.parametrize(
    ("passed", "reason"),
    [
        pytest.param(policy(cluster="c2"), "it comes from cluster c2 and is about that one only", id="its cluster"),
        pytest.param(
            policy(selector=Selector(clusters=("c2",))), "its selector does not name cluster c1", id="cluster"
        ),
        pytest.param(
            policy(selector=Selector(namespaces=("pay",))), "its selector does not name namespace shop", id="ns"
        ),
        pytest.param(
            policy(selector=Selector(kinds=("Pod",))), "its selector does not name kind Deployment", id="kind"
        ),
        pytest.param(policy(selector=Selector(labels={"a": "b"})), "its selector wants the label a=b", id="label"),
        pytest.param(policy(operations=("CREATE",)), "it is not about operation UPDATE", id="operation"),
        pytest.param(policy(experiments=("x",)), "it names none of the workload's experiments", id="experiment"),
    ],
)
def test_a_policy_that_is_about_something_else_says_so(passed: Policy, reason: str) -> None:
    found = decided(GROWTH, passed)

    assert ((), reason, ()) == (found.experiments, found.opinions[0].reason, found.opinions[0].conditions)


def test_a_policy_of_the_cluster_itself_counts() -> None:
    assert decided(GROWTH, policy(cluster="c1")).experiments


def test_a_cluster_is_selected_by_its_labels() -> None:
    by_label = policy(selector=Selector(clusters=("env=prod*",)))

    assert decided(GROWTH, by_label, env="prod-eu").experiments
    assert not decided(GROWTH, by_label).experiments


def test_labels_of_the_workload_are_those_of_the_new_object() -> None:
    by_label = policy(selector=Selector(labels={"tier": "front"}))
    tried = change(side({"replicas": 2}), side({"replicas": 3}, {"labels": {"tier": "front"}}))

    assert decided(tried, by_label).experiments


def test_an_autoscaler_counts_only_where_the_policy_says_so() -> None:
    tried = change(side({"replicas": 2}), side({"replicas": 3}), actor=AUTOSCALER)

    assert not decided(tried, policy()).experiments
    assert decided(tried, policy(), policy("scaled", autoscalers=True)).reason.startswith("scaled: ")


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


SECRET: Final = side({}, {"labels": {"a": "hunter2"}}, data={"password": "hunter2"}, stringData={"a": "hunter2"})
APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
CONTAINERS: Final = [{"name": "web", "image": "a:1", "env": [{"name": "PASSWORD", "value": "hunter2"}]}]


@pytest.mark.parametrize(
    "key",
    [
        "data.password",
        "stringData",
        "data",
        "@",
        "to_string(@)",
        "*",
        "[metadata.name, data.password]",
        "metadata.missing || data.password",
        f'metadata.annotations."{APPLIED}"',
        "values(data)",
    ],
)
def test_nothing_of_a_secret_is_shown_but_its_metadata(key: str) -> None:
    applied = {"annotations": WATCHED | {APPLIED: "hunter2"}}
    new = side({}, applied, data={"password": "hunter2"}, stringData={"a": "hunter2"})
    found = judged(key, side({}), new, "Secret")

    assert "hunter2" not in repr(found)
    assert ("(hidden)", "(hidden)") == (found.found, found.value)


def test_metadata_of_a_secret_is_shown() -> None:
    assert judged("metadata.labels.a", SECRET, SECRET, "Secret").found == "hunter2"


@pytest.mark.parametrize(
    "key",
    [
        "spec.containers[0].env[0].value",
        "spec.containers[0].env[?name=='PASSWORD'].value | [0]",
        "spec.containers",
        "spec",
        "@",
        "spec.containers[0].*",
        "to_string(spec)",
        "spec.containers[0].[env, name]",
    ],
)
def test_the_environment_of_a_container_is_not_shown(key: str) -> None:
    found = judged(key, side({}), side({"containers": CONTAINERS}))

    assert "hunter2" not in repr(
        msgspec.structs.replace(
            found, value=None, reason=found.reason.replace('equal "hunter2"', "").replace("equal hunter2", "")
        )
    )
    assert found.found is not None


def test_what_is_beside_the_environment_is_shown() -> None:
    found = judged("spec.containers[0]", side({}), side({"containers": CONTAINERS}))

    assert found.found == '{"name": "web", "image": "a:1", "env": (hidden)}'


def test_only_200_characters_of_a_value_are_shown() -> None:
    long = ["ä" * 60, {"b": None, "c": [1, "x" * 1000]}]
    found = judged("spec.a", side({"a": "x" * 5000}), side({"a": long}))

    assert (200, 200) == (len(found.before), len(found.found))
    assert found.found.startswith('["' + "ä" * 60 + '", {"b": null, "c": [1, "xx')
    assert found.found.endswith("…")
    assert len(found.reason) < 1000


def test_a_key_that_takes_up_more_than_it_names_shows_only_what_it_found() -> None:
    found = judged("spec.*", side({"a": 1}), side({"a": [1], "b": 2}))

    assert ("(list of 1)", "(list of 2)") == (found.before, found.found)


def test_a_number_that_a_function_counts_is_shown() -> None:
    assert judged("length(spec.a)", side({"a": []}), side({"a": [1]})).found == 1


def test_a_key_that_names_nothing_finds_the_same_always() -> None:
    assert judged("'hunter2'", side({}), side({"a": 1})).changed is False


def test_a_key_that_cannot_be_evaluated_finds_nothing() -> None:
    found = judged("length(spec.a)", side({"a": 1}), side({"a": 2}))

    assert (None, None, False) == (found.found, found.before, found.holds)


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


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    stars = policy(selector=Selector(namespaces=("*a" * 100 + "b",)))
    workload = Workload("c1", "Deployment", "a" * 250, "web")
    begun = time.perf_counter()

    assert not decided(msgspec.structs.replace(GROWTH, workload=workload), stars).experiments
    assert time.perf_counter() - begun < 1


def test_a_hundred_policies_that_select_something_else_cost_little() -> None:
    others = [policy(f"p{number}", selector=Selector(namespaces=(f"other-{number}-*",))) for number in range(100)]
    decided(GROWTH, *others)
    begun = time.perf_counter()
    for _ in range(20):
        decided(GROWTH, *others)

    assert (time.perf_counter() - begun) / 20 < 0.01
