from typing import Any

import pytest

from infra.demo.kubernetes_api.patches import STRATEGIC, patched

WEB = {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
SIDE = {"name": "side", "image": "side:1"}


def deployment(*containers: Any, **spec: Any) -> dict[str, Any]:
    return {"spec": spec | {"template": {"spec": {"containers": list(containers)}}}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            {"$setElementOrder/containers": [{"name": "side"}, {"name": "web"}], "containers": [{"name": "side"}]},
            [SIDE, WEB],
            id="element-order",
        ),
        pytest.param(
            {"containers": [{"name": "web", "env": [{"name": "A", "$patch": "delete"}]}]},
            [WEB | {"env": [{"name": "B", "value": "2"}]}, SIDE],
            id="delete-inside-an-item",
        ),
        pytest.param({"containers": [{"$patch": "replace"}, SIDE]}, [SIDE], id="replace-the-list"),
        pytest.param(
            {"containers": [{"name": "web", "env": None}]}, [{"name": "web", "image": "web:1"}, SIDE], id="null"
        ),
    ],
)
def test_a_strategic_patch_follows_its_directives(patch: dict[str, Any], expected: list[Any]) -> None:
    now = patched(deployment(WEB, SIDE), {"spec": {"template": {"spec": patch}}}, STRATEGIC, custom=False)
    assert now == deployment(*expected)


def test_a_strategic_patch_keeps_only_the_keys_that_it_retains() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patched(before, patch, STRATEGIC, custom=False) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_a_strategic_patch_replaces_a_map_that_says_so() -> None:
    patch = {"metadata": {"labels": {"$patch": "replace", "app": "web"}}}
    before = {"metadata": {"labels": {"app": "x", "tier": "y"}}}
    assert patched(before, patch, STRATEGIC, custom=False) == {"metadata": {"labels": {"app": "web"}}}


def test_a_strategic_patch_adds_to_and_takes_from_finalizers() -> None:
    before = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}
    assert patched(before, patch, STRATEGIC, custom=False) == {"metadata": {"finalizers": ["b", "c"]}}


def test_a_patch_changes_nothing_in_place() -> None:
    before = deployment(WEB, SIDE, replicas=1)
    patched(before, deployment({"name": "web", "image": "web:2"}, replicas=2), STRATEGIC, custom=False)
    assert before == deployment(WEB, SIDE, replicas=1)
