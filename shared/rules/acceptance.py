"""Whose word a schedule needs before it is installed: a push's, for what it brings, or a person's."""

from __future__ import annotations

from shared.model.experiments import Experiment
from shared.model.projects import Project
from shared.model.schedules import SCHEDULED, Scheduled
from shared.rules.concurrency import unapproved
from shared.rules.offers import is_offered
from shared.rules.pushing import Move
from shared.rules.routing import namespaces


def word(project: str, experiment: str) -> str:
    """Return the command by which a person gives it."""
    return f"litmus-gitops experiment schedule {experiment} -p {project} --accept"


def accepts(move: Move, *, importing: bool, accepted: bool) -> bool:
    """Whether the schedule of a file that was written in git may be installed; `accepted` is whether its past was.

    What is pushed is wanted; what an import finds waits for a person, and so does what it finds changed.
    """
    past = next((one for one in (move.was, move.gone) if _known(one)), None)
    if importing:
        return accepted and past is not None and move.now is not None and past.blob == move.now.blob
    return accepted or past is None


def concerns(move: Move) -> bool:
    """Whether a move is about an experiment that has a schedule, or had one."""
    return any(one is not None and one.kind in SCHEDULED for one in (move.now, move.was))


def accepted(project: Project, experiment: Experiment, was: Scheduled) -> Scheduled:
    """Return the record after a person's word: where namespaces need an approval, that is one, of this very text."""
    named = namespaces(experiment.manifest) if experiment.manifest else ()
    needed = unapproved(named, project.safety.approval_namespaces)
    return Scheduled(accepted=True, clusters=was.clusters, approved=experiment.blob if needed else was.approved)


def _known(experiment: Experiment | None) -> bool:
    """Whether it was decided before whether the schedule may be installed."""
    if experiment is None or experiment.kind not in SCHEDULED:
        return False
    return bool(experiment.commit) or is_offered(experiment)
