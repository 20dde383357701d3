"""What `cluster check` finds: pure judgements over what the API server answered, each with its mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from infra.kubernetes.options import NAME
from infra.kubernetes.webhooks import left_out
from shared.model.changes import EXPERIMENT_ID, GITOPS, WORKFLOW

Json = Mapping[str, Any]
Severity = Literal["finding", "note"]
Place = Literal["portal", "cluster"]

_APART: Final = timedelta(seconds=60)
"""How far clocks may be apart: signatures are good for five minutes, and a Date is of the second."""

_COMPARED: Final = (
    "rules",
    "matchConditions",
    "namespaceSelector",
    "failurePolicy",
    "matchPolicy",
    "sideEffects",
    "timeoutSeconds",
)


class Finding(msgspec.Struct, frozen=True):
    """What is wrong and how to mend it; a note tells what is so on purpose."""

    place: Place
    what: str
    mend: str
    severity: Severity = "finding"


def clocks(portal: datetime, cluster: datetime) -> Iterator[Finding]:
    """Find clocks that are too far apart for signatures to hold."""
    apart = cluster - portal
    if abs(apart) > _APART:
        side = "ahead of" if apart > timedelta(0) else "behind"
        what = f"the cluster's clock is {abs(apart).total_seconds():.0f} s {side} the portal's"
        yield Finding("cluster", what, "have both follow a time server: what is signed is good for five minutes")


def registration(live: Json, expected: Json, mend: str) -> Iterator[Finding]:
    """Find where the webhooks are not those that are generated; `caBundle` is looked at apart."""
    there = {entry["name"]: entry for entry in live["webhooks"]}
    for entry in expected["webhooks"]:
        found = there.pop(entry["name"], None)
        if found is None:
            yield Finding("cluster", f"the webhook {entry['name']} is missing", mend)
        elif other := [name for name in _COMPARED if _plain(found.get(name)) != entry[name]]:
            yield Finding("cluster", f"the webhook {entry['name']} has another {', '.join(other)}", mend)
        elif _place(found) != _place(entry):
            yield Finding("cluster", f"the webhook {entry['name']} calls {_place(found)}, not {_place(entry)}", mend)
    for name in there:
        yield Finding("cluster", f"the webhook {name} is none of ours", mend)


def rights(live: Json | None, expected: Json, needed: Sequence[str], mend: str) -> Iterator[Finding]:
    """Find the rules of a role that are missing; those on resources that are not `needed` are a note."""
    name = f"{expected['kind']} {expected['metadata']['name']}"
    if live is None:
        yield Finding("cluster", f"the {name} is missing", mend)
        return
    for group, resource, verb, only in _rules(expected["rules"]):
        if not any(_allows(rule, group, resource, verb, only) for rule in live.get("rules") or ()):
            what = f"the {name} does not allow to {verb} {resource}{'.' if group else ''}{group}"
            yield Finding("cluster", what, mend, "finding" if resource in needed else "note")


def bound(live: Json | None, expected: Json, mend: str) -> Iterator[Finding]:
    """Find a binding that does not bind the subscriber's account."""
    name = f"{expected['kind']} {expected['metadata']['name']}"
    if live is None:
        yield Finding("cluster", f"the {name} is missing", mend)
        return
    (subject,) = expected["subjects"]
    if not any(all(one.get(key) == subject[key] for key in subject) for one in live.get("subjects") or ()):
        account = f"{subject['namespace']}/{subject['name']}"
        yield Finding("cluster", f"the {name} does not bind the account {account}", mend)


def deployment(live: Json, cluster: str, waits: Sequence[str], mend: str) -> Iterator[Finding]:
    """Find a subscriber that is not ready, with what its pods wait for, or that is another cluster's."""
    if not (live.get("status") or {}).get("readyReplicas"):
        why = f": {waits[0]}" if waits else ""
        yield Finding("cluster", f"no pod of the Deployment {NAME} is ready{why}", f"{mend}; see its pods' events")
    env = {one["name"]: one.get("value") for one in live["spec"]["template"]["spec"]["containers"][0].get("env") or ()}
    if env.get("CLUSTER_ID") != cluster:
        yield Finding("cluster", f"the Deployment {NAME} is that of cluster {env.get('CLUSTER_ID')}", mend)


def waiting(pods: Iterable[Json]) -> list[str]:
    """Return what containers of these pods wait for, in the kubelet's words."""
    states = [
        (status.get("state") or {}).get("waiting")
        for pod in pods
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
    ]
    return [f"{one.get('reason')} {one.get('message', '')}".strip() for one in states if one]


def workloads(objects: Sequence[Json], known: frozenset[str], namespace: str, project: str) -> Iterator[Finding]:
    """Find that nothing opted in, or that what did is not looked at or names no experiment of the project."""
    opted = [obj for obj in objects if GITOPS in _annotations(obj)]
    if not opted:
        mend = f"kubectl annotate deployment <name> {GITOPS}=true {WORKFLOW}=<workflow_id>"
        yield Finding("cluster", "no workload is annotated", mend)
    for obj in opted:
        yield from _workload(obj, known, namespace, project)


def _workload(obj: Json, known: frozenset[str], namespace: str, project: str) -> Iterator[Finding]:
    metadata, annotations = obj["metadata"], _annotations(obj)
    name = f"{obj['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
    if annotations[GITOPS] != "true":
        what = f"{name} has {GITOPS}: {annotations[GITOPS]!r}, so it is not watched"
        yield Finding(
            "cluster", what, 'it is watched with "true"', "note" if annotations[GITOPS] == "false" else "finding"
        )
        return
    if metadata.get("namespace") in left_out(namespace):
        yield Finding("cluster", f"{name} is in a namespace that is left out", "keep what is watched out of it")
    named = [word.strip() for key in (WORKFLOW, EXPERIMENT_ID) for word in annotations.get(key, "").split(",")]
    ids = [one for one in named if one]
    if not ids:
        yield Finding("cluster", f"{name} names no experiment", f"annotate it with {WORKFLOW}=<workflow_id>")
    for one in ids:
        if one not in known:
            mend = f"see litmus-gitops experiment list -p {project}"
            yield Finding("cluster", f"{name} names {one}, which is no experiment of {project}", mend)


def _annotations(obj: Json) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("annotations") or {}
    return found


def _plain(value: Any) -> Any:
    """Return a field as it was written, without the scope that the API server fills in."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "resources" in value[0]:
        return [{name: field for name, field in rule.items() if name != "scope"} for rule in value]
    return value


def _place(entry: Json) -> str:
    client = entry["clientConfig"]
    if "url" in client:
        return "a URL"
    service = client["service"]
    return f"{service['namespace']}/{service['name']}:{service.get('port', 443)}{service.get('path', '/')}"


def _rules(rules: Iterable[Json]) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb, tuple(rule.get("resourceNames", ()))


def _allows(rule: Json, group: str, resource: str, verb: str, only: tuple[str, ...]) -> bool:
    named = rule.get("resourceNames") or ()
    return (
        not {group, "*"}.isdisjoint(rule.get("apiGroups") or ())
        and not {resource, "*"}.isdisjoint(rule.get("resources") or ())
        and not {verb, "*"}.isdisjoint(rule["verbs"])
        and (not named or bool(only and set(only) <= set(named)))
    )
