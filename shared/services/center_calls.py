"""What is said to the ChaosCenter of one cluster, under its credential."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Unavailable
from shared.model.calls import Answer
from shared.model.centers import CenterRun, Errand, Infrastructure
from shared.model.projects import ChaosCenter
from shared.ports.ambient import Secrets
from shared.ports.peers import ChaosCenters
from shared.rules.center_rendering import Saved
from shared.rules.center_runs import is_of
from shared.wire import chaoscenter, chaoscenter_answers


@dataclass(frozen=True, slots=True)
class CenterCalls:
    """Operations of one ChaosCenter.

    They are made in the trace of an order. Each raises `Unavailable` where asking again may help, `Forbidden` and
    `Conflict` where the ChaosCenter refuses, and `Misconfigured` if there is no credential.
    """

    centers: ChaosCenters
    secrets: Secrets
    center: ChaosCenter
    traceparent: str

    def infrastructure(self) -> Infrastructure:
        """Return how the cluster's infrastructure stands."""
        asked = chaoscenter.ask_infrastructure(self.center.project_id, self.center.infra_id)
        return chaoscenter_answers.read_infrastructure(self._say(asked))

    def save(self, saved: Saved, description: str) -> None:
        """Save an experiment; doing it again only adds a revision that is the same."""
        center = self.center
        asked = chaoscenter.ask_to_save(center.project_id, center.infra_id, saved.id, saved.manifest, description)
        chaoscenter_answers.read_done(self._say(asked), "saveChaosExperiment")

    def run(self, experiment: str) -> str:
        """Start a run of an experiment and return its `notify`; each call starts another one."""
        return chaoscenter_answers.read_started(self._say(chaoscenter.ask_to_run(self.center.project_id, experiment)))

    def find(self, errand: Errand, order: str) -> CenterRun | None:
        """Return the run of an order, by the id that starting it returned, else by the order's mark in its manifest."""
        if errand.notify:
            return chaoscenter_answers.read_run(self._say(chaoscenter.ask_run(self.center.project_id, errand.notify)))
        runs = chaoscenter_answers.read_runs(self._say(chaoscenter.ask_runs(self.center.project_id, errand.experiment)))
        return next((run for run in runs if is_of(run, order)), None)

    def stop(self, errand: Errand, run: CenterRun) -> None:
        """Stop a run; without a name for it the ChaosCenter would stop all runs of the experiment."""
        if not (run.id or run.notify):
            raise Unavailable("the ChaosCenter shows no id of the run yet, by which it could be stopped")
        asked = chaoscenter.ask_to_stop(self.center.project_id, errand.experiment, run)
        chaoscenter_answers.read_done(self._say(asked), "stopExperimentRuns")

    def _say(self, body: bytes) -> Answer:
        return self.centers(self.center.url, self.secrets(self.center.credential), body, self.traceparent)
