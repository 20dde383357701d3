"""The generated match conditions over what an API server really sends, and over what they must not trip on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cel
import pytest

from infra.kubernetes.conditions import of_objects, of_scales
from infra.kubernetes.kinds import kind_of
from infra.kubernetes.options import NAME, Watched

RECORDED = Path(__file__).parents[2] / "deliveries" / "admission"
NAMESPACE = "litmus-gitops"
GITOPS = "litmuschaos.io/gitops"
ON = {GITOPS: "true", "litmuschaos.io/workflow": "till-outage"}
PLAIN = Watched()
DEPLOYMENT, GADGET = kind_of("Deployment"), kind_of("Gadget=example.org/v1/gadgets")
AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"


def called(request: dict[str, Any], watched: Watched = PLAIN, kind: Any = None) -> bool:
    """Whether every condition holds, as the API server asks them."""
    kind = kind or kind_of(request["kind"]["kind"])
    scale = request.get("subResource") == "scale"
    found = of_scales(watched, NAMESPACE) if scale else of_objects(kind, watched, NAMESPACE)
    sides = {name: request.get(name) for name in ("object", "oldObject")}
    results = [cel.evaluate(one["expression"], {"request": request, **sides}) for one in found]
    assert {bool} == set(map(type, results))
    return all(results)


def recorded(name: str) -> dict[str, Any]:
    request: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())["request"]
    if request.get("subResource") == "scale":
        request["kind"] = {"kind": "Deployment"}
    return request


EXPECTED = {
    "configmap-change": True,
    "configmap-create-not-annotated": False,
    "daemonset-image": True,
    "deployment-annotation-only": False,
    "deployment-apply-no-change": False,
    "deployment-create": True,
    "deployment-create-not-annotated": False,
    "deployment-delete": True,
    "deployment-env": True,
    "deployment-env-by-chaos-service-account": True,
    "deployment-image": True,
    "deployment-image-dry-run": False,
    "deployment-image-not-annotated": False,
    "deployment-image-opted-out": False,
    "deployment-opt-out": True,
    "deployment-replicas": True,
    "deployment-scale-by-autoscaler": False,
    "deployment-scale-subresource": True,
    "statefulset-create": True,
}


def test_every_recording_is_expected() -> None:
    assert set(EXPECTED) == {path.stem for path in RECORDED.glob("*.json")}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_api_server_calls_for_recorded_reviews_that_can_matter_and_no_others(name: str) -> None:
    assert EXPECTED[name] == called(recorded(name))


@pytest.mark.parametrize(
    ("name", "watched"),
    [
        pytest.param("deployment-annotation-only", Watched(metadata=True), id="metadata"),
        pytest.param("deployment-scale-by-autoscaler", Watched(autoscalers=True), id="autoscalers"),
    ],
)
def test_the_api_server_calls_for_more_where_it_is_asked_to(name: str, watched: Watched) -> None:
    assert called(recorded(name), watched)


def update(
    new: dict[str, Any], old: dict[str, Any], *, actor: str = "ada", sub: str = "", operation: str = "UPDATE"
) -> dict[str, Any]:
    request: dict[str, Any] = {"operation": operation, "userInfo": {"username": actor}, "object": new, "oldObject": old}
    return request | ({"subResource": sub} if sub else {})


def thing(annotations: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "till"} | ({"annotations": annotations} if annotations else {}), **fields}


@pytest.mark.parametrize(
    ("kind", "new", "old", "expected"),
    [
        pytest.param("Deployment", thing(ON, spec={"a": 1}), thing(spec={"a": 1}), True, id="opted in"),
        pytest.param("Deployment", thing(ON, spec={}, status={"a": 1}), thing(ON, spec={}), False, id="status"),
        pytest.param(
            "Deployment",
            thing(ON | {"litmuschaos.io/workflow": "other"}, spec={}),
            thing(ON, spec={}),
            True,
            id="another experiment",
        ),
        pytest.param(
            "Deployment", thing(ON | {"litmuschaos.io/commit": "c0"}, spec={}), thing(ON, spec={}), True, id="commit"
        ),
        pytest.param("Deployment", thing({GITOPS: "True"}, spec={"a": 1}), thing(spec={}), False, id="not quite true"),
        pytest.param("ConfigMap", thing(ON, data={"a": "1"}), thing(ON), True, id="first data"),
        pytest.param("ConfigMap", thing(ON, binaryData={"a": "MQ=="}), thing(ON, data={}), True, id="binary data"),
        pytest.param("ConfigMap", thing(ON, data={"a": "1"}), thing(ON, data={"a": "1"}), False, id="same data"),
        pytest.param("Secret", thing(ON, data={"a": "MQ=="}), thing(ON, data={"a": "Mg=="}), True, id="secret"),
        pytest.param(GADGET, thing(ON, size={"x": [1]}), thing(ON, size={"x": [2]}), True, id="own field"),
        pytest.param(GADGET, thing(ON, size=1), thing(ON), True, id="own field that is new"),
        pytest.param(GADGET, thing(ON), thing(ON, size=1), True, id="own field that is gone"),
        pytest.param(GADGET, thing(ON, size=1, status=1), thing(ON, size=1, status=2), False, id="own status"),
        pytest.param(GADGET, thing(ON | {"a": "b"}, size=1), thing(ON, size=1), False, id="own metadata"),
    ],
)
def test_an_update_is_told_where_what_counts_of_its_kind_differs(
    kind: Any, new: dict[str, Any], old: dict[str, Any], expected: Any
) -> None:
    kind = kind_of(kind) if isinstance(kind, str) else kind
    assert expected == called(update(new, old), kind=kind)


@pytest.mark.parametrize("field", ["labels", "ownerReferences", "finalizers"])
def test_metadata_is_told_of_only_if_it_is_watched(field: str) -> None:
    new, old = thing(ON, spec={}), thing(ON, spec={})
    new["metadata"][field] = ["anything"]
    assert (False, True) == (
        called(update(new, old), kind=DEPLOYMENT),
        called(update(new, old), Watched(metadata=True), DEPLOYMENT),
    )


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param({"spec": {"replicas": 3}}, {"spec": {"replicas": 2}}, True, id="up"),
        pytest.param({"spec": {}}, {"spec": {"replicas": 2}}, True, id="to zero, which is left out"),
        pytest.param({"spec": {"replicas": 2}}, {}, True, id="from zero, without a spec"),
        pytest.param({"spec": {"replicas": 2}}, {"spec": {"replicas": 2}}, False, id="as before"),
        pytest.param({"spec": {}}, {}, False, id="zero as before"),
    ],
)
def test_a_scale_is_told_where_its_replicas_differ(new: Any, old: Any, expected: Any) -> None:
    assert expected == called(update(new, old, sub="scale"), kind=DEPLOYMENT)


@pytest.mark.parametrize(
    ("actor", "operation", "expected"),
    [
        pytest.param("ada", "UPDATE", True, id="a person"),
        pytest.param(AUTOSCALER, "UPDATE", False, id="horizontal autoscaler"),
        pytest.param("system:serviceaccount:keda:keda-operator", "UPDATE", False, id="in any namespace"),
        pytest.param(f"{AUTOSCALER}-of-ada", "UPDATE", True, id="only almost an autoscaler"),
        pytest.param("system:kube-controller-manager", "DELETE", True, id="garbage is collected"),
        pytest.param(f"system:serviceaccount:{NAMESPACE}:{NAME}", "UPDATE", False, id="our subscriber"),
        pytest.param(f"system:serviceaccount:elsewhere:{NAME}", "UPDATE", True, id="another one's account"),
    ],
)
def test_who_makes_the_change_decides_whether_it_is_told(actor: str, operation: str, expected: Any) -> None:
    request = update(thing(ON, spec={"a": 1}), thing(ON, spec={"a": 2}), actor=actor, operation=operation)
    assert expected == called(request, kind=DEPLOYMENT)
