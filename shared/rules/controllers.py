"""How the cluster's chaos operator and workflow controller are recognised, and what the latter says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

Json = Mapping[str, Any]

OPERATOR_NAMES: Final = ("chaos-operator-ce", "chaos-operator", "litmus-core")
CONTROLLER_NAMES: Final = ("workflow-controller", "argo-workflows-workflow-controller", "argo-workflow-controller")
SCHEDULER_NAMES: Final = ("chaos-scheduler", "chaos-scheduler-ce")
CONFIG_MAP: Final = "workflow-controller-configmap"
"""Where Argo's controller reads its settings unless its arguments name another ConfigMap."""

_TELLING_LABELS: Final = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app", "name")


class Controller(msgspec.Struct, frozen=True):
    """A running workflow controller: where it is, its ConfigMap there, and the one namespace it serves, if bound."""

    namespace: str
    config_map: str
    bound: str | None = None


def running(deployments: Iterable[Json], names: Sequence[str]) -> list[Json]:
    """Return the Deployments that go by one of the names, as their own or in a label, and have an available pod."""
    return [one for one in deployments if _called(one, names) and (one.get("status") or {}).get("availableReplicas")]


def controller_of(deployment: Json) -> Controller:
    """Return what a workflow controller's arguments say (`--configmap`, `--namespaced`, `--managed-namespace`)."""
    namespace = deployment["metadata"]["namespace"]
    flags = _flags(deployment)
    bound = flags.get("managed-namespace") or namespace if "namespaced" in flags else None
    return Controller(namespace, flags.get("configmap") or CONFIG_MAP, bound)


def chosen(deployments: Iterable[Json], near: str) -> Controller | None:
    """Return the controller in the namespace `near` if there is one, else the first by namespace, else None."""
    found = sorted(map(controller_of, deployments), key=lambda one: (one.namespace != near, one.namespace))
    return found[0] if found else None


def instance_of(settings: Mapping[str, object], config: Mapping[str, object]) -> str:
    """Return the instance id in the ConfigMap's data, or in the YAML under its key `config`; empty for none."""
    return str(settings.get("instanceID") or config.get("instanceID") or "").strip()


def _called(deployment: Json, names: Sequence[str]) -> bool:
    metadata = deployment["metadata"]
    labels = metadata.get("labels") or {}
    return metadata["name"] in names or any(labels.get(label) in names for label in _TELLING_LABELS)


def _flags(deployment: Json) -> dict[str, str]:
    """Read `--flag value`, `--flag=value` and `--flag`, of all containers."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    words = [word for one in containers for word in [*(one.get("command") or ()), *(one.get("args") or ())]]
    flags: dict[str, str] = {}
    for word, after in pairwise([*words, ""]):
        if word.startswith("--"):
            name, given, value = word[2:].partition("=")
            flags[name] = value if given or after.startswith("--") else after
    return flags
