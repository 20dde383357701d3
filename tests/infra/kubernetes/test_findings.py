"""Judgements over what an API server answered, without one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.kubernetes import findings
from infra.kubernetes.objects import build
from infra.kubernetes.options import NAME, Options
from infra.kubernetes.webhooks import configuration
from tests.infra.kubernetes.sound import NAMESPACE, workload

NOW = datetime(2026, 10, 30, 9, 0, 0, tzinfo=UTC)
FIRST = "deployments.apps.litmus-gitops.io"
MEND = "mend it"
UNBOUND = f"the RoleBinding {NAME} does not bind the account {NAMESPACE}/{NAME}"

Json = dict[str, Any]


def told(found: Any) -> list[str]:
    return [one.what for one in found]


def of_kind(kind: str) -> Json:
    return next(obj for obj in build(Options()) if obj["kind"] == kind)


def with_first(**fields: Any) -> Json:
    live = configuration(Options())
    live["webhooks"][0] |= fields
    return live


def with_defaults() -> Json:
    """Return the registration as an API server stores it."""
    live = configuration(Options())
    for entry in live["webhooks"]:
        entry["objectSelector"] = {}
        entry["rules"] = [rule | {"scope": "*"} for rule in entry["rules"]]
    return live


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(with_defaults(), [], id="as generated"),
        pytest.param(
            with_first(matchConditions=[], timeoutSeconds=10),
            [f"the webhook {FIRST} has another matchConditions, timeoutSeconds"],
            id="other fields",
        ),
        pytest.param(
            with_first(clientConfig={"service": {"namespace": "default", "name": "other"}}),
            [f"the webhook {FIRST} calls default/other:443/, not {NAMESPACE}/{NAME}:443/admission"],
            id="another service",
        ),
        pytest.param(
            with_first(clientConfig={"url": "https://portal.example.org/admission/c1/a-token"}),
            [f"the webhook {FIRST} calls a URL, not {NAMESPACE}/{NAME}:443/admission"],
            id="a URL",
        ),
        pytest.param(
            with_first(name="a.strange.webhook"),
            [f"the webhook {FIRST} is missing", "the webhook a.strange.webhook is none of ours"],
            id="one missing, one too many",
        ),
    ],
)
def test_a_registration_that_is_not_as_generated_is_told_of(live: Json, expected: list[str]) -> None:
    assert expected == told(findings.registration(live, configuration(Options()), MEND))


def changed(act: Callable[[Json], object]) -> Json:
    role = deepcopy(of_kind("Role"))
    act(role["rules"][0])
    return role


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(of_kind("Role"), 0, id="as generated"),
        pytest.param(changed(lambda rule: rule.update(verbs=["*"], resources=["*"], apiGroups=["*"])), 0, id="more"),
        pytest.param(changed(lambda rule: rule["verbs"].remove("list")), 1, id="a verb less"),
        pytest.param(changed(lambda rule: rule.update(resourceNames=["one"])), 5, id="one name only"),
        pytest.param(changed(lambda rule: rule.update(apiGroups=["apps"])), 5, id="another group"),
        pytest.param(None, 1, id="missing"),
    ],
)
def test_rights_that_are_missing_are_told_of_each(live: Json | None, expected: int) -> None:
    assert expected == len(told(findings.rights(live, of_kind("Role"), ["configmaps"], MEND)))


def test_a_right_without_which_things_arrive_is_a_note() -> None:
    role = of_kind("ClusterRole")
    found = list(findings.rights({"rules": []}, role, ["deployments"], MEND))
    assert {"finding"} == {one.severity for one in found if "deployments" in one.what}
    assert {"note"} == {one.severity for one in found if "nodes" in one.what}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(of_kind("RoleBinding"), [], id="as generated"),
        pytest.param(
            {"subjects": None}, [f"the RoleBinding {NAME} does not bind the account {NAMESPACE}/{NAME}"], id="no"
        ),
        pytest.param(None, [f"the RoleBinding {NAME} is missing"], id="missing"),
    ],
)
def test_a_binding_that_does_not_bind_is_told_of(live: Json | None, expected: list[str]) -> None:
    assert expected == told(findings.bound(live, of_kind("RoleBinding"), MEND))


@pytest.mark.parametrize(
    ("ready", "cluster", "expected"),
    [
        pytest.param(1, "my-cluster", [], id="ready"),
        pytest.param(0, "my-cluster", [f"no pod of the Deployment {NAME} is ready: it waits"], id="not ready"),
        pytest.param(2, "c2", [f"the Deployment {NAME} is that of cluster my-cluster"], id="another cluster's"),
    ],
)
def test_a_subscriber_that_is_not_up_or_not_ours_is_told_of(ready: int, cluster: str, expected: list[str]) -> None:
    live = of_kind("Deployment") | {"status": {"readyReplicas": ready}}
    assert expected == told(findings.deployment(live, cluster, ["it waits"], MEND))


@pytest.mark.parametrize(
    ("annotations", "namespace", "expected"),
    [
        pytest.param({"a": "b"}, "default", "no workload is annotated", id="none"),
        pytest.param({"litmuschaos.io/gitops": "True"}, "default", "'True', so it is not watched", id="not quite true"),
        pytest.param({"litmuschaos.io/gitops": "true"}, "default", "names no experiment", id="no experiment"),
        pytest.param(
            {"litmuschaos.io/gitops": "true", "litmuschaos.io/experimentId": "kill-1, other"},
            "default",
            "Deployment/default/till names other, which is no experiment of shop",
            id="an unknown one of two",
        ),
        pytest.param(
            {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "kill-1"},
            "kube-system",
            "Deployment/kube-system/till is in a namespace that is left out",
            id="left out",
        ),
    ],
)
def test_workloads_of_which_nothing_comes_are_told_of(annotations: Json, namespace: str, expected: str) -> None:
    objects = [workload("till", namespace, annotations)]
    (what,) = told(findings.workloads(objects, frozenset({"kill-1"}), NAMESPACE, "shop"))
    assert what.endswith(expected)


def test_a_workload_that_opted_out_is_a_note() -> None:
    objects = [workload("till", "default", {"litmuschaos.io/gitops": "false"})]
    (note,) = findings.workloads(objects, frozenset(), NAMESPACE, "shop")
    assert "note" == note.severity


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(60, [], id="near"),
        pytest.param(61, ["the cluster's clock is 61 s ahead of the portal's"], id="ahead"),
        pytest.param(-61, ["the cluster's clock is 61 s behind the portal's"], id="behind"),
    ],
)
def test_clocks_that_are_apart_are_told_of(seconds: int, expected: list[str]) -> None:
    assert expected == told(findings.clocks(NOW, NOW + timedelta(seconds=seconds)))
