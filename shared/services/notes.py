"""Brings a run's result back to the commits that it belongs to, as git notes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.model.runs import Run
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.noting import noted
from shared.services.ledger import Ledger
from shared.services.repositories import Repositories
from shared.services.tables import EXPERIMENTS, PROJECTS, RUNS

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes under `refs/notes/litmus`, which `git notes --ref litmus show <commit>` prints."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def note_run(self, message: Message) -> None:
        """Write a run's line to the note of each of its commits (message `sync/note`); a repeated one does nothing."""
        project = message.ids["project"]
        run, settings = RUNS.load(self.store, project, message.ids["run"]), PROJECTS.load(self.store, project)
        if run is None or settings is None or not (gitops := settings.value.gitops) or not gitops.enabled:
            return
        commits = [commit for commit in run.value.report_to if _COMMIT.fullmatch(commit)]
        written = [commit for commit in commits if self._note(gitops, project, run.value, commit)]
        if written:
            self._record(project, run.value, written)

    def _note(self, gitops: GitOps, project: str, run: Run, commit: str) -> bool:
        experiment = EXPERIMENTS.load(self.store, project, run.experiment)
        name = experiment.value.name if experiment else run.experiment
        return self.repositories.of(gitops).note(commit, lambda note: noted(note, run, name), self.clock())

    def _record(self, project: str, run: Run, commits: list[str]) -> None:
        _, row = Ledger(self.clock, self.ids).row(
            project,
            "report",
            verdict="noted",
            reason="the result stands as a note on " + ", ".join(commit[:12] for commit in commits),
            subject=run.id,
            links=[("run", run.id), *(("commit", commit) for commit in commits)],
        )
        self.store.commit([row])
