"""Whether a cluster can carry a run out: what the rendered object needs, against what the cluster has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from shared.rules.rendering import RESOURCES

Json = Mapping[str, Any]
Place = tuple[str, str]
"""A namespace and a name."""

Check = Literal["crds", "operator", "controller", "service-accounts", "experiments", "nodes"]
CHECKS: Final[tuple[Check, ...]] = ("crds", "operator", "controller", "service-accounts", "experiments", "nodes")
READY_SHARE: Final = 0.9
"""The share of nodes that must be ready and schedulable before something is broken on purpose."""

EXPERIMENTS: Final = "litmuschaos.io/v1alpha1/chaosexperiments"
RESULTS: Final = "litmuschaos.io/v1alpha1/chaosresults"
_APPLIED_URL: Final = re.compile(r"kubectl\s+apply\s[^;&|]*https?://")
_ARGO: Final = frozenset({"Workflow", "CronWorkflow"})


class Needs(msgspec.Struct, frozen=True):
    """What an object will look for once it runs; names that only a run knows are left out."""

    resources: tuple[str, ...]
    workflows: bool
    service_accounts: frozenset[Place] = frozenset()
    experiments: frozenset[Place] = frozenset()
    schedules: bool = False


class Facts(msgspec.Struct, frozen=True):
    """What the cluster has. None where the subscriber may not look: then nothing is found wanting.

    `nodes` is how many are ready and schedulable, and of how many.
    """

    served: frozenset[str]
    operator: bool | None = None
    controller: bool | None = None
    service_accounts: frozenset[Place] | None = None
    experiments: frozenset[Place] | None = None
    nodes: tuple[int, int] | None = None
    scheduler: bool | None = None


class Finding(msgspec.Struct, frozen=True):
    """Something that is missing, in words, and by which check."""

    check: Check
    message: str


def needs(body: Json, embedded: Sequence[Json] = ()) -> Needs:
    """Return what a rendered object needs.

    `embedded` are the objects in its artifacts, with the workflow's parameters filled in: the engines whose service
    accounts and experiments must exist, and the ChaosExperiments that the workflow installs by itself.
    """
    kind, namespace = body["kind"], body["metadata"]["namespace"]
    engines = [one for one in embedded if one.get("kind") == "ChaosEngine"] + _engines_in(body)
    own = {_name(one) for one in embedded if one.get("kind") == "ChaosExperiment"}
    accounts = {(_namespace(one, namespace), (one.get("spec") or {}).get("chaosServiceAccount")) for one in engines}
    faults = {(_namespace(one, namespace), fault.get("name")) for one in engines for fault in _faults(one)}
    resources = [RESOURCES[kind], RESOURCES["ChaosEngine"], EXPERIMENTS, RESULTS]
    return Needs(
        tuple(dict.fromkeys(resources)),
        kind in _ARGO,
        _known(accounts | {(namespace, _account(body))}),
        frozenset() if _fetches(body) else _known(fault for fault in faults if fault[1] not in own),
        schedules=kind == "ChaosSchedule",
    )


def findings(needed: Needs, facts: Facts) -> list[Finding]:
    """Return everything that is missing, in the order of `CHECKS`."""
    return [
        *_missing_resources(needed, facts),
        *_missing_operators(needed, facts),
        *_missing("service-accounts", "ServiceAccount", needed.service_accounts, facts.service_accounts),
        *_missing("experiments", "ChaosExperiment", needed.experiments, facts.experiments),
        *_unready(facts),
    ]


def healthy(node: Json) -> bool:
    """Whether a node is ready and takes pods."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not (node.get("spec") or {}).get("unschedulable")


def _missing_resources(needed: Needs, facts: Facts) -> list[Finding]:
    missing = [resource for resource in needed.resources if resource not in facts.served]
    return [Finding("crds", f"the cluster does not serve {resource}: install its CRD") for resource in missing]


def _missing_operators(needed: Needs, facts: Facts) -> Iterable[Finding]:
    if facts.operator is False:
        yield Finding("operator", "no chaos operator is running: engines would never start")
    if needed.workflows and facts.controller is False:
        yield Finding("controller", "no workflow controller is running: workflows would never start")
    if needed.schedules and facts.scheduler is False:
        yield Finding("controller", "no chaos scheduler is running (Litmus 3 ships none): nothing would ever be due")


def _missing(check: Check, kind: str, needed: Iterable[Place], found: frozenset[Place] | None) -> list[Finding]:
    missing = sorted(set(needed) - found) if found is not None else []
    return [Finding(check, f"there is no {kind} {namespace}/{name}") for namespace, name in missing]


def _unready(facts: Facts) -> Iterable[Finding]:
    if facts.nodes is None:
        return
    ready, total = facts.nodes
    if ready < total * READY_SHARE or total == 0:
        share = f"{READY_SHARE:.0%} must be"
        yield Finding("nodes", f"{ready} of {total} nodes are ready and schedulable: {share}")


def _engines_in(body: Json) -> list[Json]:
    if body["kind"] == "ChaosEngine":
        return [body]
    template = body["spec"].get("engineTemplateSpec")
    return [{"metadata": body["metadata"], "spec": template}] if template else []


def _account(body: Json) -> str | None:
    spec = body["spec"].get("workflowSpec") or body["spec"]
    account: str | None = spec.get("serviceAccountName")
    return account


def _fetches(body: Json) -> bool:
    """Whether a step applies manifests from a URL, as the hub's do with their ChaosExperiments."""
    spec = body["spec"].get("workflowSpec") or body["spec"]
    containers = (template.get("container") or {} for template in spec.get("templates") or ())
    return any(_APPLIED_URL.search(" ".join(map(str, one.get("args") or ()))) for one in containers)


def _faults(engine: Json) -> list[Json]:
    return list((engine.get("spec") or {}).get("experiments") or ())


def _name(obj: Json) -> str | None:
    name: str | None = (obj.get("metadata") or {}).get("name")
    return name


def _namespace(obj: Json, default: str) -> str:
    return str((obj.get("metadata") or {}).get("namespace") or default)


def _known(places: Iterable[tuple[str, str | None]]) -> frozenset[Place]:
    return frozenset((namespace, name) for namespace, name in places if name and "{{" not in namespace + name)
