"""Experiments as files hold them: Workflow, CronWorkflow, ChaosEngine and ChaosSchedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, get_args

import msgspec

from shared.model.experiments import Fault, Kind, Manifest, Problem
from shared.wire.documents import At, Document, Flaw
from shared.wire.engines import engine, schedule, ways_of
from shared.wire.metadata import INFRA_ID, doubts, first, identity_of, lines_of, name_of, namespace_of
from shared.wire.workflows import cron_workflow, crons_of, workflow

ARGO: Final = "argoproj.io/v1alpha1"
LITMUS: Final = "litmuschaos.io/v1alpha1"

_KINDS: Final[Mapping[str, tuple[Kind, str, Callable[[At], Iterator[Fault | Problem]]]]] = {
    "Workflow": ("Workflow", ARGO, workflow),
    "CronWorkflow": ("CronWorkflow", ARGO, cron_workflow),
    "ChaosEngine": ("ChaosEngine", LITMUS, engine),
    "ChaosSchedule": ("ChaosSchedule", LITMUS, schedule),
}
_SCHEDULES: Final[Mapping[Kind, Callable[[At], tuple[str, ...]]]] = {
    "CronWorkflow": crons_of,
    "ChaosSchedule": ways_of,
}
_SUPPORTED: Final = f"supported are {', '.join(get_args(Kind))} and EventTrackerPolicy"


def read_manifest(document: Document) -> Manifest | Problem:
    """Return what the experiment says, or the first thing that makes it unusable; doubts become its warnings."""
    try:
        return _manifest(document.root)
    except Flaw as flaw:
        return flaw.problem


def kind_of(root: At) -> str:
    """Return the object's kind; raise `Flaw` where the document is no Kubernetes object."""
    if not isinstance(root.value, dict):
        raise root.flaw("this is no Kubernetes object; write a mapping with apiVersion, kind, metadata and spec")
    if not root.get("kind").text():
        raise root.flaw(f"kind is missing; {_SUPPORTED}")
    return root.get("kind").text()


def _manifest(root: At) -> Manifest:
    kind, findings = _reader(root)
    metadata, made = root.get("metadata"), root.get("spec", "workflowMetadata", "labels")
    manifest = Manifest(
        kind=kind,
        name=name_of(metadata),
        namespace=namespace_of(metadata),
        workflow_id=identity_of(metadata.get("labels"), made),
        infra_id=first(INFRA_ID, metadata.get("labels"), made),
        labels=metadata.get("labels").strings(),
        annotations=metadata.get("annotations").strings(),
    )
    if not root.get("spec").mapping():
        raise root.flaw("spec is missing; say there what the experiment does")
    return _with(manifest, root, [*doubts(metadata), *findings(root)])


def _with(manifest: Manifest, root: At, found: list[Fault | Problem]) -> Manifest:
    schedules = _SCHEDULES.get(manifest.kind)
    return msgspec.structs.replace(
        manifest,
        faults=tuple(one for one in found if isinstance(one, Fault)),
        warnings=tuple(one for one in found if isinstance(one, Problem)),
        schedules=schedules(root) if schedules else (),
        lines=lines_of(root.get("metadata"), root.get("spec", "workflowMetadata", "labels")),
    )


def _reader(root: At) -> tuple[Kind, Callable[[At], Iterator[Fault | Problem]]]:
    name, version = kind_of(root), root.get("apiVersion")
    known = _KINDS.get(name)
    if known is None:
        raise root.get("kind").flaw(f"{version.text()[:60]} {name[:60]} is no experiment; {_SUPPORTED}".lstrip())
    kind, supported, findings = known
    if version.text() != supported:
        raise version.flaw(f"{kind} has apiVersion {version.text()[:60]!r}; write {supported}")
    return kind, findings
