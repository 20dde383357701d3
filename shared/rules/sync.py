"""Makes the portal equal to git: what to read of a tree, and what changes then, whatever happened in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from shared.model.experiments import Edit, Experiment, Manifest, Problem, Schedule, State
from shared.model.policies import Policy
from shared.model.schedules import SCHEDULED
from shared.rules.edits import marked
from shared.rules.identity import File, Identity, identify

Reading = Manifest | Policy | Problem
"""What one file's text says."""


class Tree(msgspec.Struct, frozen=True):
    """What git holds of a project at the branch's head: `files` is path → blob; `at` is when it was looked at."""

    project: str
    commit: str
    files: Mapping[str, str]
    at: str


class Portal(msgspec.Struct, frozen=True):
    """What the portal holds of a project; `edits` are those that are not in git, oldest first."""

    experiments: tuple[Experiment, ...] = ()
    policies: tuple[Policy, ...] = ()
    edits: tuple[Edit, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What makes the portal equal to a tree. `policies` is None where they stay as they are.

    `wrong` are the paths of the files that hold a problem once the plan is carried out. `offers` and `offered_policies`
    are what only the portal has once it follows another place: a person decides on it.
    """

    upserts: tuple[Experiment, ...] = ()
    deletions: tuple[Experiment, ...] = ()
    policies: tuple[Policy, ...] | None = None
    wrong: tuple[str, ...] = ()
    offers: tuple[Experiment, ...] = ()
    offered_policies: tuple[Policy, ...] = ()

    @property
    def invalid(self) -> int:
        """How many files hold a problem."""
        return len(self.wrong)

    @property
    def empty(self) -> bool:
        """Whether the portal is equal to git already."""
        return not self.upserts and not self.deletions and not self.offers and self.policies is None


def unread(files: Mapping[str, str], portal: Portal) -> frozenset[str]:
    """Return the blobs of a tree that must be read: the unknown ones, and those that were found wrong before."""
    return frozenset(files.values()) - _known(portal).keys()


def plan_portal(tree: Tree, portal: Portal, readings: Mapping[str, Reading], *, importing: bool = False) -> Plan:
    """Return what to change so that the portal shows what the tree holds.

    `readings` (blob → what it says) holds at least what `unread` asked for. While `importing`, what the tree lacks was
    not removed from it: it is offered.
    """
    known = {**_known(portal), **readings}
    texts = {path: known[blob] for path, blob in sorted(tree.files.items())}
    policies = tuple(_policies(texts, tree.files, portal.policies))
    named = {policy.path for policy in policies}
    files = [
        File(path, tree.files[path], text)
        for path, text in texts.items()
        if path not in named and not isinstance(text, Policy)
    ]
    plan = _difference(portal, _experiments(tree, files, portal), policies)
    return _offering(plan, portal, tree.files) if importing else plan


def _offering(plan: Plan, portal: Portal, files: Mapping[str, str]) -> Plan:
    blobs = set(files.values())
    lacking = (policy for policy in portal.policies if policy.path and policy.path not in files)
    return msgspec.structs.replace(
        plan,
        offers=plan.deletions,
        deletions=(),
        offered_policies=tuple(policy for policy in lacking if policy.blob not in blobs),
    )


def _known(portal: Portal) -> dict[str, Reading]:
    good: dict[str, Reading] = {one.blob: one.manifest for one in portal.experiments if one.manifest and one.commit}
    return good | {one.blob: one for one in portal.policies if one.blob and one.problem is None}


def _policies(texts: Mapping[str, Reading], files: Mapping[str, str], stored: Sequence[Policy]) -> Iterable[Policy]:
    """Yield the policies of a tree, and those of clusters as they are; a broken file stays the policy that it was."""
    yield from (policy for policy in stored if policy.path is None)
    before = {policy.path: policy for policy in stored}
    for path, text in texts.items():
        if isinstance(text, Policy):
            yield msgspec.structs.replace(text, path=path, blob=files[path], cluster=None)
        elif isinstance(text, Problem) and path in before:
            yield msgspec.structs.replace(before[path], blob=files[path], problem=text)


def experiment_of(file: File, identity: Identity, was: Experiment | None, commit: str, at: str) -> Experiment:
    """Return what the portal shows of a file at `commit`; where that is what it shows already, `was` itself."""
    manifest = file.reading if isinstance(file.reading, Manifest) else None
    state, problem = _standing(file, identity, was)
    schedule = _schedule(manifest, was)
    new = Experiment(
        id=identity.id,
        path=file.path,
        blob=file.blob,
        commit=was.commit if was and was.commit and was.blob == file.blob else commit,
        state=state,
        updated_at=was.updated_at if was else at,
        kind=manifest.kind if manifest else was.kind if was else "",
        name=manifest.name if manifest else was.name if was else PurePosixPath(file.path).stem,
        problem=problem,
        schedule=schedule,
        manifest=manifest,
        pull=was.pull if was and was.state == state else None,
        schedule_reason=was.schedule_reason if was and schedule else None,
        schedule_failed=bool(was and schedule and was.schedule_failed),
    )
    return new if new == was else msgspec.structs.replace(new, updated_at=at)


def _experiments(tree: Tree, files: Sequence[File], portal: Portal) -> list[Experiment]:
    before = {experiment.id: experiment for experiment in portal.experiments}
    given = identify(tree.project, files, portal.experiments)
    found = [
        experiment_of(file, given[file.path], before.get(given[file.path].id), tree.commit, tree.at) for file in files
    ]
    return [_with_edits(experiment, portal.edits) for experiment in found]


def _with_edits(experiment: Experiment, edits: Sequence[Edit]) -> Experiment:
    """Return an experiment with the standing of its open edits, also where git brings back what it had removed."""
    own = [edit for edit in edits if edit.experiment == experiment.id]
    return experiment if experiment.state == "invalid" else marked(experiment, own) or experiment


def _standing(file: File, identity: Identity, was: Experiment | None) -> tuple[State, Problem | None]:
    """Return state and problem; an edit that is on its way to git, or could not go there, stays visible."""
    if isinstance(file.reading, Problem):
        return "invalid", file.reading
    if identity.rival:
        return "invalid", Problem(f"workflow_id {file.label!r} belongs to {identity.rival}: give this file another")
    if was and was.state in {"pending", "conflict"}:
        return was.state, was.problem
    return "synced", None


def _schedule(manifest: Manifest | None, was: Experiment | None) -> Schedule | None:
    """Return how its schedule stands: a broken file leaves it alone, a new one waits for a person's word."""
    before = was.schedule if was else None
    if manifest is None:
        return before
    return (before or "waiting") if manifest.kind in SCHEDULED else None


def _difference(portal: Portal, wanted: Sequence[Experiment], policies: tuple[Policy, ...]) -> Plan:
    before = {experiment.id: experiment for experiment in portal.experiments}
    gone = before.keys() - {experiment.id for experiment in wanted}
    wrong = [one.path for one in wanted if one.state == "invalid"]
    wrong += [one.path or one.name for one in policies if one.problem is not None]
    return Plan(
        upserts=tuple(one for one in wanted if one != before.get(one.id)),
        deletions=tuple(before[name] for name in sorted(gone) if not _on_its_way(before[name])),
        policies=None if policies == portal.policies else policies,
        wrong=tuple(sorted(wrong)),
    )


def _on_its_way(experiment: Experiment) -> bool:
    """Whether git never had it: an edit that makes a new file is still on its way there."""
    return not experiment.commit
