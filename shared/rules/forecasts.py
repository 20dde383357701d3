"""What a changed experiment would hit and when it would run, told in Markdown on its pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.model.changes import Change, Side, Workload
from shared.model.experiments import Fault, Manifest
from shared.model.hosting import Annotation
from shared.model.policies import Policy
from shared.model.projects import RUN_ON_PUSH, GitOps
from shared.rules.pulls import Changed, Ground
from shared.rules.routing import CLUSTERS, chosen, meant, targets
from shared.rules.selecting import passed_over
from shared.rules.verdicts import counted

MOST: Final = 20
"""Workloads that one experiment's part names; of more it says how many."""

_FILES: Final = 50
_LEVELS: Final = {"failure": "error", "warning": "warning", "notice": "notice"}
_SENTENCE: Final = 400
_WAYS: Final = {
    "now": "when its ChaosSchedule is installed on a cluster",
    "once": "at the one time that its ChaosSchedule names",
    "repeat": "again and again, as its ChaosSchedule says",
}


class Sight(msgspec.Struct, frozen=True):
    """A watched workload as its cluster showed it last."""

    workload: Workload
    side: Side

    @property
    def place(self) -> str:
        """Its name and cluster, as the comment shows them."""
        return f"{code(self.workload.subject)} on cluster {code(self.workload.cluster)}"


class Scene(msgspec.Struct, frozen=True):
    """What a forecast is made from: the settings, the policies as the head would have them, and what is watched."""

    gitops: GitOps
    ground: Ground
    policies: tuple[Policy, ...]
    sights: tuple[Sight, ...]
    now: datetime


def policies_at(head: Mapping[str, str], changed: Iterable[Changed], stored: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return the policies of a head: those that the portal has and the request leaves, and those that it brings."""
    brought = {one.path: one.reading for one in changed}
    kept = (policy for policy in stored if policy.path is None or (policy.path in head and policy.path not in brought))
    return (*kept, *(reading for reading in brought.values() if isinstance(reading, Policy)))


def summary(findings: Sequence[Annotation], files: int) -> str:
    """Return how many findings there are in how many files, in one line."""
    errors = sum(finding.level == "failure" for finding in findings)
    where = "1 changed file" if files == 1 else f"{files} changed files"
    return f"{counted(errors, len(findings) - errors)} in {where}"


def tell(
    scene: Scene,
    changed: Sequence[Changed],
    ids: Mapping[str, str],
    removed: Sequence[str],
    findings: Sequence[Annotation],
) -> str:
    """Return the comment; `ids` maps a path to its experiment's id, `removed` are the paths that go."""
    lines = [
        f"### Chaos experiments of project {code(scene.ground.project)}",
        "",
        f"{summary(findings, len(changed))}.",
    ]
    if not changed and not removed:
        return "\n".join([*lines[:2], "This pull request changes no experiment and no policy.", ""])
    if scene.gitops.mode == "observe":
        lines.append("The project observes: what is said to run here is only recorded until its mode is `enforce`.")
    for one in changed[:_FILES]:
        lines += ["", f"**{code(one.path)}** {'changes' if one.before else 'is new'}"]
        lines += [f"- {line}" for line in _of_file(scene, one, ids, findings)]
    lines += ["", *(f"**{code(path)}** is removed: nothing starts it any more" for path in removed[:_FILES])]
    left = len(changed[_FILES:]) + len(removed[_FILES:])
    return "\n".join([*lines, *([f"… and {left} more files"] if left else [])]).rstrip() + "\n"


def _of_file(scene: Scene, one: Changed, ids: Mapping[str, str], findings: Sequence[Annotation]) -> Iterator[str]:
    for finding in (finding for finding in findings if finding.path == one.path):
        yield f"**{_LEVELS[finding.level]}** in line {finding.line}: {code(finding.message, _SENTENCE)}"
    if isinstance(one.reading, Manifest):
        yield from _hits(scene, one.reading)
        yield from _runs(scene, one, one.reading, ids[one.path])
    elif isinstance(one.reading, Policy) and not one.reading.problem:
        watched = _listed(_watched_by(scene, one.reading), "workload")
        yield f"policy {code(one.reading.name)} counts changes of {watched}"


def _hits(scene: Scene, manifest: Manifest) -> Iterator[str]:
    if not manifest.faults:
        yield "hits what only a run knows"
    for fault in {(one.name, one.namespaces, one.kind, one.label): one for one in manifest.faults}.values():
        found = [sight.place for sight in scene.sights if _is_hit(scene, manifest, fault, sight)]
        yield f"{code(fault.name)} hits {_target(fault)}: {_listed(found, 'watched workload')}"


def _target(fault: Fault) -> str:
    kind = f"{code(fault.kind)} " if fault.kind else ""
    label = code(fault.label) if fault.label else "whatever its selectors say"
    spaces = ", ".join(map(code, fault.namespaces)) or "one that only a run knows"
    return f"{kind}{label} in namespace {spaces}"


def _is_hit(scene: Scene, manifest: Manifest, fault: Fault, sight: Sight) -> bool:
    workload = sight.workload
    kind = not fault.kind or fault.kind.lower() == workload.kind.lower()
    place = workload.namespace in fault.namespaces and _runs_on(scene, manifest, workload.cluster)
    return kind and place and _labelled(fault.label, sight.side)


def _labelled(wanted: str | None, side: Side) -> bool:
    """Whether the object or its pods bear the labels, of which an engine may name several with commas between."""
    if not wanted:
        return False
    pairs = [part.strip().partition("=") for part in wanted.split(",")]
    template = (side.content.get("spec") or {}).get("template") or {}
    bearers = [(bearer.get("metadata") or {}).get("labels") or {} for bearer in (side.content, template)]
    return any(all(labels.get(key) == value for key, _, value in pairs) for labels in bearers)


def _runs_on(scene: Scene, manifest: Manifest, name: str) -> bool:
    clusters, infra_ids = scene.ground.clusters, scene.ground.infra_ids
    if CLUSTERS in manifest.annotations:
        return name in chosen(manifest, (), clusters, infra_ids).clusters
    return manifest.infra_id is None or name in meant(manifest.infra_id, clusters, infra_ids)


def _runs(scene: Scene, one: Changed, manifest: Manifest, experiment: str) -> Iterator[str]:
    named = [sight for sight in scene.sights if experiment in sight.side.experiments]
    ways = [
        *(_on_change(scene, manifest, sight) for sight in named[:MOST]),
        *([f"… and of {len(named) - MOST} more workloads"] if len(named) > MOST else []),
        *(_on_time(schedule, scene.now) for schedule in manifest.schedules),
        *_on_push(scene, one, manifest),
    ]
    yield from ways or [f"runs by hand only: no watched workload names {code(experiment)}"]


def _on_change(scene: Scene, manifest: Manifest, sight: Sight) -> str:
    workload, ground = sight.workload, scene.ground
    routed = targets(manifest, workload.cluster, workload.namespace, ground.clusters, ground.infra_ids)
    policies = [policy.name for policy in scene.policies if not _aside(scene, policy, sight)]
    if scene.policies and not policies:
        return f"does not run when {sight.place} changes: no policy counts its changes"
    if not scene.policies and not scene.gitops.default_policy:
        return f"does not run when {sight.place} changes: the project has no policy"
    if not routed.clusters:
        return f"does not run when {sight.place} changes: {code(routed.refusals[0].reason, _SENTENCE)}"
    where = ", ".join(map(code, routed.clusters))
    by = f"by policy {', '.join(map(code, policies))}" if policies else "any change, since there is no policy"
    return f"runs on {where} when {sight.place} changes ({by})"


def _aside(scene: Scene, policy: Policy, sight: Sight) -> str:
    change = Change(sight.workload, "audit", "UPDATE", "", "", sight.side)
    labels = next((one.labels for one in scene.ground.clusters if one.id == sight.workload.cluster), {})
    return passed_over(policy, change, labels, created=False)


def _watched_by(scene: Scene, policy: Policy) -> list[str]:
    return [sight.place for sight in scene.sights if not _aside(scene, policy, sight)]


def _on_time(schedule: str, now: datetime) -> str:
    if schedule in _WAYS:
        return f"runs {_WAYS[schedule]}"
    from shared.rules.calendar import next_time  # noqa: PLC0415 - cron is slow to load, and few requests have any

    due = next_time(schedule, now)
    when = f"next at {due:%Y-%m-%d %H:%M} UTC" if due else "which never comes"
    return f"runs by its schedule {code(schedule)}, {when}, once it is installed on a cluster"


def _on_push(scene: Scene, one: Changed, manifest: Manifest) -> list[str]:
    push = manifest.annotations.get(RUN_ON_PUSH, scene.gitops.run_on_push)
    due = push == "changed" or (push == "new" and one.before is None)
    return [f"runs once when this is merged (run-on-push: {push})"] if due else []


def _listed(places: Sequence[str], what: str) -> str:
    if not places:
        return f"no {what} that is known"
    more = f" and {len(places) - MOST} more" if len(places) > MOST else ""
    return ", ".join(places[:MOST]) + more


def code(text: str, most: int = 100) -> str:
    """Return any text as a Markdown code span that it cannot leave, cut to `most` characters; nobody is mentioned."""
    return f"`{' '.join(text.replace('`', chr(39)).split())[:most] or ' '}`"
