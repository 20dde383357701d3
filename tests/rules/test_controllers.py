from typing import Any

import pytest

from shared.rules.controllers import (
    CONTROLLER_NAMES,
    OPERATOR_NAMES,
    Controller,
    chosen,
    controller_of,
    instance_of,
    running,
)


def deployment(name: str, *words: str, namespace: str = "argo", available: int = 1, **labels: str) -> dict[str, Any]:
    container = {"name": name, "args": list(words)}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"availableReplicas": available},
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(deployment("chaos-operator-ce"), True, id="by name"),
        pytest.param(deployment("chaos", app="chaos-operator"), True, id="by label"),
        pytest.param(deployment("chaos", app="other"), False, id="by neither"),
        pytest.param(deployment("chaos-operator-ce", available=0), False, id="without a pod"),
        pytest.param({"metadata": {"name": "chaos-operator-ce"}}, False, id="without a status"),
    ],
)
def test_an_operator_is_one_that_runs_under_a_known_name(found: dict[str, Any], expected: bool) -> None:
    assert ([found] if expected else []) == running([found], OPERATOR_NAMES)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([], Controller("argo", "workflow-controller-configmap"), id="no arguments"),
        pytest.param(["--configmap", "settings"], Controller("argo", "settings"), id="a value apart"),
        pytest.param(["--configmap=settings"], Controller("argo", "settings"), id="a value attached"),
        pytest.param(
            ["--namespaced", "--loglevel", "debug"],
            Controller("argo", "workflow-controller-configmap", "argo"),
            id="bound to its own namespace",
        ),
        pytest.param(
            ["--managed-namespace=shop", "run", "--namespaced"],
            Controller("argo", "workflow-controller-configmap", "shop"),
            id="bound to another namespace",
        ),
        pytest.param(
            ["--managed-namespace", "shop"], Controller("argo", "workflow-controller-configmap"), id="bound to none"
        ),
    ],
)
def test_a_controller_says_by_its_arguments_what_it_serves(words: list[str], expected: Controller) -> None:
    assert expected == controller_of(deployment("workflow-controller", *words))


def test_the_controller_nearby_is_chosen_before_others() -> None:
    there = [deployment("workflow-controller", namespace=name) for name in ("c", "b", "a")]
    assert "b" == getattr(chosen(there, "b"), "namespace", None)
    assert "a" == getattr(chosen(there, "x"), "namespace", None)
    assert chosen([], "x") is None
    assert there == running(there, CONTROLLER_NAMES)


@pytest.mark.parametrize(
    ("settings", "config", "expected"),
    [
        pytest.param({"instanceID": "i1"}, {}, "i1", id="a key of its own"),
        pytest.param({"config": "…"}, {"instanceID": " i2 "}, "i2", id="inside config"),
        pytest.param({}, {}, "", id="none"),
    ],
)
def test_the_instance_id_stands_in_the_controller_s_config_map(
    settings: dict[str, object], config: dict[str, object], expected: str
) -> None:
    assert expected == instance_of(settings, config)
