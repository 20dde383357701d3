"""A project on a git host with an API: a real repository, the API on loopback, and a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.prometheus import HttpMonitors
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.errors import LitmusGitopsError, NotYet
from shared.model.changes import Side, Tracked, Workload
from shared.model.experiments import Experiment
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Cluster, GitOps, Project, Safety
from shared.model.runs import Run
from shared.model.statuses import Looked, Posted
from shared.model.triggers import Trigger
from shared.rules.composing import Start, run_order
from shared.services.conditions import Conditions
from shared.services.dirt import dirty
from shared.services.dispatching import Dispatching
from shared.services.leases import Leases
from shared.services.ledger import stamp
from shared.services.ordering import Ordering, Work
from shared.services.placing import Placing
from shared.services.portal_records import listed
from shared.services.pull_watch import PullWatch
from shared.services.pulls import Pulls
from shared.services.reconciling import Reconciler
from shared.services.repositories import Repositories
from shared.services.statuses import Statuses
from shared.services.syncs import Syncs
from shared.services.tables import CLUSTERS, EVENTS, EXPERIMENTS, MEMBERS, POSTED, PROJECTS, PULLS, RUNS, TRACKED
from shared.services.texts import Texts
from tests.clients.conformance.engines import ManualClock
from tests.clients.hosts.parties import Party
from tests.gitserver import git
from tests.services.gitops import FOLDER

CONTEXT = "litmus-gitops/shop"
PORTAL = "https://portal.example.org"
EU = Cluster("eu", "shop", "EU", "")


class Hosted:
    """Project `shop` on a host: what is pushed and proposed there, what is stored, and the functions between."""

    def __init__(self, folder: Path, party: Party) -> None:
        self.party = party
        self.clock = ManualClock()
        self.database = open_database(folder / "state.db")
        self.store = SqliteStore(self.database, self.clock)
        self.queue = SqliteQueue(self.database, self.clock)
        self.errors: list[str] = []
        self.sent: list[str] = []
        self.denied = False
        self.configure()
        self.store.commit([CLUSTERS.put(EU, "eu"), MEMBERS.put(EU, "shop", "eu")])
        self._assemble()

    def _assemble(self) -> None:
        self.repositories = Repositories(Remotes(), Hosts(), self.secret, allow_local=True)
        shared = (self.store, self.repositories)
        self.conditions = Conditions(self.secret, HttpMonitors(allow_local=True), self.clock, allow_local=True)
        self.statuses = Statuses(*shared, self.clock, new_id, PORTAL)
        self.pulls = Pulls(*shared, self.statuses, self.clock, new_id)
        self.ordering = Ordering(self.store, self.clock, new_id)
        self.placing = Placing(self.store, self.clock, new_id)
        self.actions: dict[str, Callable[[Message], None]] = {
            "sync/project": Syncs(*shared, Leases(self.store, self.clock), self.clock, new_id).sync_project,
            "sync/status": self.statuses.tell,
            "sync/pull": self.pulls.look_at,
            "dispatch/push": Dispatching(*shared, self.clock, new_id, self.conditions).push,
            "reconcile/tick": (reconciler := Reconciler(*shared, self.clock, new_id)).tick,
            "reconcile/project": reconciler.look_after,
            "reconcile/texts": Texts(self.store, self.clock).look,
            "reconcile/pulls": PullWatch(*shared, self.clock, new_id).look_after,
        }

    def close(self) -> None:
        """End it; the host says whether the real one would have taken every call."""
        self.party.stop()
        self.database.close()
        self.party.judge()

    def secret(self, reference: str) -> str:
        """Know the token, with all rights or with none but to look."""
        assert reference == "file:token"
        return self.party.access(denied=self.denied).credential or ""

    def configure(self, safety: Safety | None = None, **changes: Any) -> None:
        """Set the project's GitOps, enforced and for this repository unless changed."""
        access = self.party.access()
        gitops = GitOps(access.url, FOLDER, provider=access.provider, credential="file:token", mode="enforce")
        project = Project("shop", "Shop", "", msgspec.structs.replace(gitops, **changes), safety or Safety())
        self.store.commit([PROJECTS.put(project, "shop")])

    def write(self, **files: str | None) -> None:
        """Write manifests into the project's folder of the working copy, or remove them."""
        for name, text in files.items():
            path = f"{FOLDER}/{name}.yaml"
            if text is None:
                (self.party.clone.folder / path).unlink()
            else:
                self.party.clone.write(path, text)

    def push(self, **files: str | None) -> str:
        """Push to `main`, sync, and return the commit."""
        self.write(**files)
        commit = self.party.clone.push()
        self.tell_of_push()
        return commit

    def tell_of_push(self) -> None:
        """Tell of a push, as a delivery does."""
        self.store.commit(*dirty(self.store, new_id, "shop"))
        self.work()

    def branch(self, name: str = "topic", **files: str | None) -> str:
        """Push to a branch, made from `main` at first, and return its head."""
        folder = self.party.clone.folder
        known = git("branch", "--list", name, cwd=folder)
        git("checkout", "-q", *([name] if known else ["-b", name]), cwd=folder)
        self.party.clone.branch = name
        self.write(**files)
        head = self.party.clone.push()
        git("checkout", "-q", "main", cwd=folder)
        self.party.clone.branch = "main"
        return head

    def propose(self, name: str = "topic", **files: str | None) -> tuple[int, str]:
        """Open a pull request of a new branch, have it looked at, and return its number and head."""
        head = self.branch(name, **files)
        number = self.party.open(name, "main", "Change experiments.")
        self.look(number)
        return number, head

    def look(self, number: int) -> None:
        """Tell of a pull request, as a delivery does."""
        self.tell("sync", "pull", number=str(number))

    def tell(self, function: str, action: str, **ids: str) -> None:
        """Send a message and work off what comes of it."""
        self.store.commit([], [self.message(function, action, **ids)])
        self.work()

    @staticmethod
    def message(function: str, action: str, **ids: str) -> Message:
        """Return a message about the project unless told otherwise."""
        return Message(new_id(), function, action, {"project": "shop", **ids})

    def commit(self, work: Work) -> None:
        """Write a step of an order, and work off what comes of it."""
        self.store.commit(work.writes, work.messages)
        self.work()

    def work(self) -> None:
        """Work off every message that is visible now, as the queue would."""
        while claimed := self.queue.receive(1, 60.0):
            message = claimed[0].message
            self.sent.append(f"{message.function}/{message.action}")
            try:
                if self.sent[-1] in self.actions:
                    self.actions[self.sent[-1]](message)
            except LitmusGitopsError as error:
                self.errors.append(str(error))
                pause = error.seconds if isinstance(error, NotYet) else 5.0 if error.retry else 1e6
                self.queue.nack(claimed[0], str(error), pause, count=not isinstance(error, NotYet))
            else:
                self.queue.ack(claimed[0])

    def statuses_of(self, commit: str) -> list[tuple[str, str]]:
        """Return what the host shows on a commit under our context: state and words, the newest first."""
        return [(one.state, one.description) for one in self.party.statuses(commit) if one.context == CONTEXT]

    def comments(self, number: int) -> list[str]:
        """Return what we commented on a pull request."""
        return [text for text in self.party.comments(number) if "litmus-gitops/shop" in text]

    def ledger(self, kind: str = "report") -> list[Event]:
        """Return the ledger's rows of a kind, oldest first."""
        return [row.value for row in listed(self.store, EVENTS, "shop", kind)]

    def posted(self, commit: str) -> Posted | None:
        """Return what is stored of a commit's status."""
        found = POSTED.load(self.store, "shop", commit)
        return found.value if found else None

    def looked(self) -> list[Looked]:
        """Return the pull requests that were looked at."""
        return [row.value for row in listed(self.store, PULLS, "shop")]

    def experiment(self, name: str) -> Experiment:
        """Return an experiment of the portal by its name."""
        rows = (row.value for row in listed(self.store, EXPERIMENTS, "shop"))
        return next(one for one in rows if one.name == name)

    def runs(self) -> list[Run]:
        """Return the project's runs."""
        return [row.value for row in listed(self.store, RUNS, "shop")]

    def begin(self, experiment: str, *commits: str, workload: str = "web", cause: str = "change") -> Run:
        """Start an experiment on cluster `eu`, by default for a change of a workload that names these commits."""
        start = self.started(experiment, *commits, workload=workload, cause=cause)
        run = self.placing.make(start, run_order(start, "eu", stamp(self.clock)))
        self.work()
        return run

    def started(self, experiment: str, *commits: str, workload: str = "web", cause: str = "change") -> Start:
        """Return the start of an experiment, a second later than what came before."""
        self.clock.advance(1)
        found = self.experiment(experiment)
        subject = Workload("eu", "Deployment", "shop", workload)
        trigger = Trigger(subject, "u", (), (found.id,), commits) if cause == "change" else None
        return Start(new_id(), "shop", cause, stamp(self.clock), "1h", found, trigger)

    def move(self, run: Run, **changes: Any) -> None:
        """Have a run move on, as a report of its subscriber makes it."""
        was = RUNS.load(self.store, "shop", run.id)
        assert was is not None
        self.commit(self.ordering.run_moved(was, msgspec.structs.replace(was.value, **changes)))

    def track(self, name: str, experiments: str = "", **labels: str) -> None:
        """Have a watched Deployment of namespace `shop` on cluster `eu`."""
        annotations = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": experiments}
        side = Side("u", {"metadata": {"annotations": annotations, "labels": labels}}, "d")
        workload = Workload("eu", "Deployment", "shop", name)
        self.store.commit([TRACKED.put(Tracked(workload, fact=side), "eu", workload.subject)])
