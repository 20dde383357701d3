from __future__ import annotations

import time

import msgspec
import pytest

from shared.model.changes import Workload
from shared.model.policies import Policy, Selector
from tests.rules.policed import AUTOSCALER, GROWTH, change, decided, policy, side


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
