"""Makes, of a manifest in git, the object that one order creates in one cluster."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from shared.errors import Invalid
from shared.rules.outcomes import WEIGHT
from shared.rules.tickets import EXPERIMENT, ORDER, Rendered, Ticket, label_value, object_name

Json = dict[str, Any]
Relabel = Callable[[str, Mapping[str, str]], str]
"""Adds labels to each ChaosEngine in a YAML text and leaves everything else, `{{…}}` included, as it is."""

INSTANCE: Final = "workflows.argoproj.io/controller-instanceid"
CRON: Final = "workflows.argoproj.io/cron-workflow"
RESOURCES: Final[Mapping[str, str]] = {
    "Workflow": "argoproj.io/v1alpha1/workflows",
    "CronWorkflow": "argoproj.io/v1alpha1/cronworkflows",
    "ChaosEngine": "litmuschaos.io/v1alpha1/chaosengines",
    "ChaosSchedule": "litmuschaos.io/v1alpha1/chaosschedules",
}
"""The resource of each kind of experiment."""

KEPT_SECONDS: Final = 600
"""A finished Workflow stays at least this long, so that its end is seen."""

_EXIT, _STOP = "litmus-gitops-exit", "litmus-gitops-stop-engines"
_TEXTS: Final = {"raw": "data", "resource": "manifest"}
_ADMIN_NAMESPACE: Final = "adminModeNamespace"
_SERVER_SET: Final = frozenset(
    {"generateName", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences"}
)


def render_run(manifest: Mapping[str, Any], ticket: Ticket, relabel: Relabel) -> Rendered:
    """Return the Workflow or ChaosEngine that carries an experiment out once, under a name of the order's own.

    A CronWorkflow runs as a Workflow from its `workflowSpec`, a ChaosSchedule as an engine from its
    `engineTemplateSpec`; neither belongs to its schedule. `Invalid` for any other kind.
    """
    source = copy.deepcopy(dict(manifest))
    match source.get("kind"):
        case "Workflow":
            return _workflow(source, _part(source, "spec"), ticket, relabel)
        case "CronWorkflow":
            return _workflow(_spawned(source), _part(source, "spec", "workflowSpec"), ticket, relabel)
        case "ChaosEngine":
            return _engine(source, _part(source, "spec"), ticket)
        case "ChaosSchedule":
            return _engine(source, _part(source, "spec", "engineTemplateSpec"), ticket)
    raise Invalid(f"a {source.get('kind')} cannot be run: use one of {', '.join(RESOURCES)}")


def render_schedule(manifest: Mapping[str, Any], ticket: Ticket, relabel: Relabel) -> Rendered:
    """Return the CronWorkflow or ChaosSchedule as it is installed, under its own name; `Invalid` for another kind."""
    source, ticket = copy.deepcopy(dict(manifest)), msgspec.structs.replace(ticket, order="")
    match source.get("kind"):
        case "CronWorkflow":
            return _cron(source, ticket, relabel)
        case "ChaosSchedule":
            spec = _part(source, "spec") | ({"scheduleState": "halt"} if ticket.suspend else {})
            name = _schedule_name(source, ticket)
            return _rendered("ChaosSchedule", source, spec, _labels(source, ticket), name, ticket)
    raise Invalid(f"a {source.get('kind')} is not installed: only CronWorkflow and ChaosSchedule are")


def _workflow(source: Json, spec: Json, ticket: Ticket, relabel: Relabel) -> Rendered:
    bounded = _bounded(spec, source, ticket, relabel)
    labels = _instanced(_labels(source, ticket), ticket)
    return _rendered("Workflow", source, bounded, labels, object_name(_stem(source), ticket.order), ticket)


def _spawned(cron: Json) -> Json:
    """What a Workflow inherits from its CronWorkflow: everything that does not tie it to the schedule."""
    metadata, given = cron.get("metadata") or {}, _part(cron, "spec").get("workflowMetadata") or {}
    labels = {**(metadata.get("labels") or {}), **(given.get("labels") or {})}
    labels.pop(CRON, None)
    annotations = dict(given.get("annotations") or {})
    kept = {key: metadata[key] for key in ("name", "generateName", "namespace") if key in metadata}
    return {"metadata": kept | {"labels": labels, "annotations": annotations}, "apiVersion": cron.get("apiVersion")}


def _cron(source: Json, ticket: Ticket, relabel: Relabel) -> Rendered:
    spec = _part(source, "spec")
    labels = _instanced(_labels(source, ticket), ticket)
    spec["workflowSpec"] = _bounded(_part(spec, "workflowSpec"), source, ticket, relabel)
    given = spec.get("workflowMetadata") or {}
    given["labels"] = _instanced({**(given.get("labels") or {}), **ticket.labels, **_own(ticket)}, ticket)
    spec["workflowMetadata"] = {key: value for key, value in given.items() if key not in _SERVER_SET}
    if ticket.suspend:
        spec["suspend"] = True
    return _rendered("CronWorkflow", source, spec, labels, _schedule_name(source, ticket), ticket)


def _engine(source: Json, spec: Json, ticket: Ticket) -> Rendered:
    labels = _labels(source, ticket) | {"type": "standalone_workflow"}
    longest = max((len(one.get("name", "")) for one in spec.get("experiments") or ()), default=0)
    name = object_name(_stem(source), ticket.order, max(longest, len("runner")) + 1)
    return _rendered("ChaosEngine", source, spec | {"engineState": "active"}, labels, name, ticket)


def _bounded(spec: Json, source: Json, ticket: Ticket, relabel: Relabel) -> Json:
    kept = dict(spec.get("ttlStrategy") or {"secondsAfterCompletion": ticket.limits.ttl_seconds})
    spec["ttlStrategy"] = {name: max(value, KEPT_SECONDS) for name, value in kept.items()}
    spec.setdefault("activeDeadlineSeconds", ticket.limits.deadline_seconds)
    _relabelled(spec, ticket, relabel)
    _moved(spec, source, ticket)
    return spec if "workflowTemplateRef" in spec else _guarded(spec, ticket)


def _relabelled(spec: Json, ticket: Ticket, relabel: Relabel) -> None:
    templates = spec.get("templates") or []
    weights = {template.get("name"): _weight(template) for template in templates}
    for template in templates:
        _walk(
            template, weights[template.get("name")], weights, lambda text, weight: relabel(text, _marks(ticket, weight))
        )


def _marks(ticket: Ticket, weight: str) -> dict[str, str]:
    return {"workflow_run_id": "{{workflow.uid}}", "step_pod_name": "{{pod.name}}", WEIGHT: weight} | _own(ticket)


def _walk(value: Any, weight: str, weights: Mapping[str, str], mark: Callable[[str, str], str]) -> None:
    """Mark each embedded text with the weight of its template, or of the template that a step gives it to."""
    if isinstance(value, list):
        for item in value:
            _walk(item, weight, weights, mark)
    elif isinstance(value, dict):
        weight = weights.get(str(value.get("template")), weight)
        for key, child in value.items():
            place = _TEXTS.get(key)
            if isinstance(child, dict) and isinstance(child.get(place), str):
                child[place] = mark(child[place], weight)
            else:
                _walk(child, weight, weights, mark)


def _weight(template: Json) -> str:
    return str(((template.get("metadata") or {}).get("labels") or {}).get("weight") or "10")


def _moved(spec: Json, source: Json, ticket: Ticket) -> None:
    """Let the parameter that Litmus' templates take their namespace from follow the Workflow."""
    named = (source.get("metadata") or {}).get("namespace")
    if ticket.bound is None or named == ticket.bound:
        return
    for parameter in (spec.get("arguments") or {}).get("parameters") or ():
        if parameter.get("name") == _ADMIN_NAMESPACE and parameter.get("value") == named:
            parameter["value"] = ticket.bound


def _guarded(spec: Json, ticket: Ticket) -> Json:
    """Add an exit handler that stops the run's engines before any exit handler that the manifest has."""
    hooks = dict(spec.get("hooks") or {})
    hook = hooks.pop("exit", None)
    before = {"template": spec["onExit"]} if spec.get("onExit") else hook
    steps = [[{"name": "stop-engines", "template": _STOP, "continueOn": {"failed": True, "error": True}}]]
    if before:
        steps.append([{"name": "exit"} | before])
    added = [{"name": _EXIT, "steps": steps}, {"name": _STOP, "container": _stopping(ticket.limits.image)}]
    spec["templates"] = [*(spec.get("templates") or ()), *added]
    spec["onExit"] = _EXIT
    if "hooks" in spec:
        spec["hooks"] = hooks
    return spec


def _stopping(image: str) -> Json:
    engines = "kubectl get chaosengine -n {{workflow.namespace}} -l workflow_run_id={{workflow.uid}} -o name"
    stop = """xargs -r -n 1 kubectl patch -n {{workflow.namespace}} --type merge -p '{"spec":{"engineState":"stop"}}'"""
    return {"name": "", "image": image, "command": ["sh", "-c"], "args": [f"{engines} | {stop}"]}


def _rendered(  # noqa: PLR0913, PLR0917 - an object's parts
    kind: str, source: Json, spec: Json, labels: dict[str, str], name: str, ticket: Ticket
) -> Rendered:
    metadata = source.get("metadata") or {}
    group, version, _ = RESOURCES[kind].split("/")
    bound = ticket.bound if group == "argoproj.io" else None
    namespace = bound or metadata.get("namespace") or ticket.namespace
    kept = {key: value for key, value in metadata.items() if key not in _SERVER_SET}
    head = kept | {"name": name, "namespace": namespace, "labels": labels}
    body = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": head, "spec": spec}
    return Rendered(RESOURCES[kind], namespace, body)


def _labels(source: Json, ticket: Ticket) -> dict[str, str]:
    return {**((source.get("metadata") or {}).get("labels") or {}), **ticket.labels, **_own(ticket)}


def _own(ticket: Ticket) -> dict[str, str]:
    order = {ORDER: label_value(ticket.order)} if ticket.order else {}
    return {EXPERIMENT: label_value(ticket.experiment)} | order


def _instanced(labels: dict[str, str], ticket: Ticket) -> dict[str, str]:
    """A controller takes up only what bears its instance id, and one without an id only what bears none."""
    if ticket.instance is None:
        return labels
    others = {name: value for name, value in labels.items() if name != INSTANCE}
    return others | ({INSTANCE: ticket.instance} if ticket.instance else {})


def _part(source: Json, *path: str) -> Json:
    found: Any = source
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise Invalid(f"the manifest has no {'.'.join(path)}")
    return found


def _stem(source: Json) -> str:
    metadata = source.get("metadata") or {}
    return str(metadata.get("name") or metadata.get("generateName") or "")


def _schedule_name(source: Json, ticket: Ticket) -> str:
    return str((source.get("metadata") or {}).get("name") or object_name(_stem(source), ticket.experiment))
