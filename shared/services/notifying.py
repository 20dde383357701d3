"""Takes the word of Litmus' own event tracker that a change matters, and leaves all else to the ChaosCenter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Conflict, LitmusGitopsError, NotFound
from shared.model.calls import Answer, Call
from shared.model.projects import Cluster, Project
from shared.ports.ambient import Clock, Ids
from shared.ports.peers import ChaosCenter
from shared.ports.state import Store
from shared.rules.durations import seconds
from shared.rules.keys import ACCESS_KEY
from shared.services.attempts import until_fresh
from shared.services.dispatching import Dispatching
from shared.services.keyring import Keyring
from shared.services.ledger import Ledger, stamp
from shared.services.tables import CLUSTERS, COOLDOWNS, PROJECTS, Versioned
from shared.wire.notifier import Notification, answer, read_notification, refusal


@dataclass(frozen=True, slots=True)
class Notifying:
    """Answers `POST /api/query`. The tracker has judged by its own policies; safety is ours all the same.

    It says no workload, so nothing can be proved: the run starts as a person's would, and a cooldown of its own keeps
    repeated words from starting it again.
    """

    store: Store
    dispatching: Dispatching
    clock: Clock
    ids: Ids
    master: bytes
    center: ChaosCenter | None = None

    def receive(self, call: Call) -> Answer:
        """Act on a notification; anything else goes to the ChaosCenter, and `NotFound` says that there is none."""
        said = read_notification(call.body)
        if said is not None:
            return Answer(200, self._noticed(said))
        if self.center is None:
            raise NotFound("this is no gitopsNotifier, and CHAOSCENTER_URL names nobody who would answer it")
        return self.center(call.headers, call.body)

    def _noticed(self, said: Notification) -> dict[str, object]:
        cluster = self._authenticated(said)
        if cluster is None:
            return refusal("ACCESS_DENIED: no such infrastructure, or not its access key")
        try:
            told = self._start(cluster, said.experiment)
        except LitmusGitopsError as error:
            self._note(cluster, said, "refused", str(error))
            return refusal(str(error))
        self._note(cluster, said, "accepted", told)
        return answer(said, told)

    def _authenticated(self, said: Notification) -> Cluster | None:
        found = CLUSTERS.load(self.store, said.infra)
        cluster = found.value if found else None
        known = Keyring(self.store, self.clock, self.master).opens(cluster, ACCESS_KEY, said.infra, said.access_key)
        return cluster if known else None

    def _start(self, cluster: Cluster, experiment: str) -> str:
        project = PROJECTS.load(self.store, cluster.project)
        if project is None or not project.value.gitops or not project.value.gitops.enabled:
            raise Conflict("GitOps is off for this project")
        before = until_fresh(lambda: self._cool_down(project.value, cluster.id, experiment))
        try:
            by = f"the event tracker of cluster {cluster.id}"
            [run] = self.dispatching.start(cluster.project, experiment, [cluster.id], "change", by)
        except LitmusGitopsError:
            self.store.commit([COOLDOWNS.put(before.value, cluster.project, before.key.sort)])
            raise
        return f"run {run.id} of {experiment} on cluster {cluster.id}"

    def _cool_down(self, project: Project, cluster: str, experiment: str) -> Versioned[str]:
        """Take the right to start, once a cooldown, and return the record as it was: a refused start gives it back."""
        was = COOLDOWNS.load_or(self.store, "", project.id, f"{cluster}/{ACCESS_KEY}/{experiment}")
        over = timedelta(seconds=seconds(project.safety.cooldown))
        if was.value and self.clock() - datetime.fromisoformat(was.value) < over:
            since = f"{experiment} was asked for at {was.value}"
            raise Conflict(f"cooldown: {since}, less than {project.safety.cooldown} ago")
        self.store.commit([COOLDOWNS.replace(was, stamp(self.clock))])
        return was

    def _note(self, cluster: Cluster, said: Notification, verdict: str, reason: str) -> None:
        _, row = Ledger(self.clock, self.ids).row(
            cluster.project,
            "delivery",
            verdict=verdict,
            reason=f"the event tracker of cluster {cluster.id} asks for {said.experiment}: {reason}",
            subject=said.experiment,
            detail={"speaker": "event tracker"},
            links=[("cluster", cluster.id), ("experiment", said.experiment)],
        )
        self.store.commit([row])
