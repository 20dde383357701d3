"""What is wrong or doubtful in the files that a pull request changes, each at the line that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, get_args

import msgspec

from shared.errors import Invalid
from shared.model.experiments import Experiment, Fault, Manifest, Problem
from shared.model.hosting import Annotation, Level
from shared.model.policies import Policy
from shared.model.projects import RUN_ON_PUSH, Cluster, RunOnPush, Safety
from shared.rules.identity import File, Identity, identify
from shared.rules.routing import CLUSTERS, INFRA_ID, chosen, meant
from shared.rules.sync import Reading
from shared.rules.verdicts import THRESHOLD, bar_of

_PUSHES: Final = get_args(RunOnPush)
_WORKFLOW_ID: Final = "workflow_id"


class Changed(msgspec.Struct, frozen=True):
    """One file that a pull request adds or changes, as its head has it; `before` is the blob at its base."""

    path: str
    blob: str
    reading: Reading
    before: str | None = None


class Ground(msgspec.Struct, frozen=True):
    """What a pull request is judged against: the project's rules, clusters, and experiments as the portal has them.

    `infra_ids` says which cluster a foreign `infra_id` means.
    """

    project: str
    safety: Safety = Safety()
    clusters: tuple[Cluster, ...] = ()
    infra_ids: Mapping[str, str] = {}
    stored: tuple[Experiment, ...] = ()


def differing(base: Mapping[str, str], head: Mapping[str, str]) -> dict[str, str]:
    """Return the files (path → blob) that the head adds or changes."""
    return {path: blob for path, blob in sorted(head.items()) if base.get(path) != blob}


def identities(changed: Iterable[Changed], head: Mapping[str, str], ground: Ground) -> dict[str, Identity]:
    """Return path → identity of the head's experiments, as a sync of it would give them.

    Files that the request leaves alone are known by their blob, as far as the portal has read them.
    """
    known = {one.blob: one.manifest for one in ground.stored if one.manifest}
    read = {one.path: File(one.path, one.blob, one.reading) for one in changed if not isinstance(one.reading, Policy)}
    rest = (File(path, blob, known[blob]) for path, blob in head.items() if path not in read and blob in known)
    return identify(ground.project, [*read.values(), *rest], ground.stored)


def examine(changed: Iterable[Changed], given: Mapping[str, Identity], ground: Ground) -> tuple[Annotation, ...]:
    """Return every finding: a `failure` where the file cannot do what it says, a `warning` where that is in doubt."""
    return tuple(finding for one in changed for finding in _of_file(one, given, ground))


def _of_file(one: Changed, given: Mapping[str, Identity], ground: Ground) -> Iterator[Annotation]:
    if isinstance(one.reading, Problem):
        yield _broken(one.path, one.reading, "This file cannot be read")
    elif isinstance(one.reading, Policy):
        if one.reading.problem:
            yield _broken(one.path, one.reading.problem, "This policy is invalid")
    else:
        found = list(_of_experiment(one.path, one.reading, given[one.path].rival, ground))
        wrong = {finding.line for finding in found}
        yield from found
        yield from (_doubt(one.path, doubt) for doubt in one.reading.warnings if doubt.line not in wrong)


def _of_experiment(path: str, manifest: Manifest, rival: str | None, ground: Ground) -> Iterator[Annotation]:
    say = _Sayer(path, manifest)
    if rival:
        told = f"workflow_id {manifest.workflow_id!r} belongs to {rival}: give this file another"
        yield say.at(_WORKFLOW_ID, told, "Taken workflow_id")
    yield from _clusters(manifest, say, ground)
    yield from _annotations(manifest, say)
    if not manifest.faults and (limits := ground.safety.allowed_faults or ground.safety.allowed_namespaces):
        yield say.at(
            "", f"it names no fault that is known before it runs, and only {', '.join(limits)} may be used", ""
        )
    for fault in manifest.faults:
        yield from _of_fault(path, fault, ground.safety)


class _Sayer:
    """Makes annotations at what a manifest says."""

    def __init__(self, path: str, manifest: Manifest) -> None:
        self._path, self._lines = path, manifest.lines

    def at(self, what: str, message: str, title: str, level: Level = "failure") -> Annotation:
        return Annotation(self._path, self._lines.get(what, 1), message, level, title)


def _clusters(manifest: Manifest, say: _Sayer, ground: Ground) -> Iterator[Annotation]:
    known = ", ".join(cluster.id for cluster in ground.clusters) or "none is registered"
    if manifest.infra_id and not meant(manifest.infra_id, ground.clusters, ground.infra_ids):
        told = f"the project has no cluster {manifest.infra_id[:60]!r}: name one of its own ({known}), or map it to one"
        yield say.at(INFRA_ID, told, "Unknown cluster", "warning")
    named = manifest.annotations.get(CLUSTERS)
    if named is None:
        return
    if wrong := _misnamed(named):
        yield say.at(CLUSTERS, f"{CLUSTERS} {wrong}; write ids, or key=value labels, with commas between", "No cluster")
        return
    for refusal in chosen(manifest, (), ground.clusters, ground.infra_ids).refusals:
        yield say.at(CLUSTERS, f"{refusal.reason[:200]} (there are: {known})", "Unknown cluster", "warning")


def _misnamed(text: str) -> str:
    words = [word.strip() for word in text.split(",")]
    pairs = [word.split("=") for word in words if "=" in word]
    broken = ["=".join(pair) for pair in pairs if len(pair) != 2 or not all(part.strip() for part in pair)]  # noqa: PLR2004
    return "names no cluster" if not any(words) else f"has {broken[0][:40]!r}" if broken else ""


def _annotations(manifest: Manifest, say: _Sayer) -> Iterator[Annotation]:
    try:
        bar_of(manifest.annotations.get(THRESHOLD))
    except Invalid as error:
        yield say.at(THRESHOLD, str(error), "Invalid pass-score")
    push = manifest.annotations.get(RUN_ON_PUSH, "never")
    if push not in _PUSHES:
        told = f"{RUN_ON_PUSH} is {push[:40]!r}; write never, new or changed"
        yield say.at(RUN_ON_PUSH, told, "Invalid run-on-push")


def _of_fault(path: str, fault: Fault, safety: Safety) -> Iterator[Annotation]:
    def say(what: str, message: str, title: str, level: Level = "failure") -> Annotation:
        return Annotation(path, fault.lines.get(what, 1), message, level, title)

    if _forbidden(fault.name, safety.allowed_faults):
        allowed = ", ".join(safety.allowed_faults)
        yield say("name", f"the fault {fault.name[:60]} is not among those allowed: {allowed}", "Forbidden fault")
    allowed = ", ".join(safety.allowed_namespaces)
    for name in fault.namespaces:
        if _forbidden(name, safety.allowed_namespaces):
            told = f"the namespace {name[:60]} is not among those allowed: {allowed}"
            yield say("namespace", told, "Namespace not allowed")
    if allowed and not fault.namespaces:
        told = f"the fault names no namespace that is known before it runs, and only {allowed} may be used"
        yield say("namespace", told, "Namespace not known")
    yield from _probes(fault, say)


def _probes(fault: Fault, say: Callable[..., Annotation]) -> Iterator[Annotation]:
    if fault.unresolved_probes:
        named = ", ".join(fault.unresolved_probes)[:120]
        told = f"probeRef names what the file does not hold ({named}): the run will not be measured"
        yield say("probes", told, "Unresolved probe", "warning")
    elif not fault.probes:
        told = f"the fault {fault.name[:60]} has no probe: it measures nothing, and its commit gets no success by it"
        yield say("probes", told, "Missing probe", "warning")


def _forbidden(name: str, patterns: Sequence[str]) -> bool:
    return bool(patterns) and not any(fnmatchcase(name, pattern) for pattern in patterns)


def _broken(path: str, problem: Problem, title: str) -> Annotation:
    return Annotation(path, problem.line or 1, problem.message, "failure", title, problem.column)


def _doubt(path: str, problem: Problem) -> Annotation:
    return Annotation(path, problem.line or 1, problem.message, "warning", "Doubtful", problem.column)
