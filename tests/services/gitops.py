"""A project in a real repository behind a real git server, on a real store whose messages are worked off by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.errors import LitmusGitopsError, NotFound, NotYet
from shared.model.experiments import Edit, Experiment, SyncState
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.policies import Policy, PolicyBook
from shared.model.projects import GitOps, Project
from shared.ports.git import GitRemotes
from shared.services.conflicts import Conflicts
from shared.services.dirt import dirty
from shared.services.edits import Edits
from shared.services.leases import Leases
from shared.services.notes import Notes
from shared.services.portal_records import listed
from shared.services.proposals import Proposals
from shared.services.reconciling import Reconciler
from shared.services.repositories import Repositories
from shared.services.statuses import Statuses
from shared.services.syncs import Syncs
from shared.services.tables import BLOBS, EDITS, EVENTS, EXPERIMENTS, POLICIES, PROJECTS, SYNCS
from shared.services.texts import Texts
from tests.clients.conformance.engines import ManualClock
from tests.gitserver import GitServer, git

FOLDER = "litmus/shop"
POLICY = """\
apiVersion: eventtracker.litmuschaos.io/v1
kind: EventTrackerPolicy
metadata:
  name: images
spec:
  condition_type: and
  conditions:
    - key: spec.template.spec.containers[0].image
      operator: Change
"""
BROKEN = "kind: ChaosEngine\n\tx: 1\n"
ADA = "Ada <ada@example.com>"


def engine(name: str, workflow_id: str | None = None, namespace: str = "shop") -> str:
    """Return a manifest that is valid."""
    label = f"  labels:\n    workflow_id: {workflow_id}\n" if workflow_id else ""
    return (
        "apiVersion: litmuschaos.io/v1alpha1\n"
        "kind: ChaosEngine\n"
        f"metadata:\n  name: {name}\n{label}"
        "spec:\n"
        "  engineState: active\n"
        "  chaosServiceAccount: litmus-admin\n"
        f"  appinfo: {{appns: {namespace}, applabel: app={name}, appkind: deployment}}\n"
        "  experiments:\n"
        "    - name: pod-delete\n"
    )


class Shop:
    """Project `shop`: what is pushed, what is stored, and the functions between."""

    def __init__(self, folder: Path, remotes: GitRemotes | None = None) -> None:
        (folder / "served").mkdir()
        self.server = GitServer(folder / "served")
        self.server.start()
        self.url = self.server.create()
        self.person = self.server.clone()
        self.clock = ManualClock()
        self.database = open_database(folder / "state.db")
        self.store = SqliteStore(self.database, self.clock)
        self.queue = SqliteQueue(self.database, self.clock)
        self.leases = Leases(self.store, self.clock)
        self.errors: list[str] = []
        self.started: list[Message] = []
        self.others: list[Message] = []
        self.renew(remotes)
        self.configure()

    def renew(self, remotes: GitRemotes | None = None) -> None:
        """Begin as a new process does, which knows no host yet."""
        self.repositories = Repositories(remotes or Remotes(), Hosts(), self.secret, allow_local=True)
        self.syncs = Syncs(self.store, self.repositories, self.leases, self.clock, new_id)
        self.edits = Edits(self.store, self.repositories, self.clock, new_id)
        self.conflicts = Conflicts(self.store, self.edits)
        self.proposals = Proposals(self.store, self.repositories, self.clock, new_id)
        self.statuses = Statuses(self.store, self.repositories, self.clock, new_id, "https://portal.example.org")
        self.notes = Notes(self.store, self.repositories, self.clock, new_id)
        self.reconciler = Reconciler(self.store, self.repositories, self.clock, new_id)
        self.texts = Texts(self.store, self.clock)

    def close(self) -> None:
        """Stop serving."""
        self.server.stop()
        self.database.close()

    @staticmethod
    def secret(reference: str) -> str:
        """Know one secret."""
        if reference != "file:token":
            raise NotFound("no such secret")
        return "ada:word"

    @property
    def bare(self) -> Path:
        """The repository's folder on the server."""
        return self.server.root / "chaos.git"

    def configure(self, **changes: Any) -> None:
        """Set the project's GitOps, enabled and for this repository unless changed."""
        gitops = msgspec.structs.replace(GitOps(self.url, FOLDER), **changes)
        self.store.commit([PROJECTS.put(Project("shop", "Shop", "", gitops), "shop")])

    def write(self, **files: str | bytes) -> None:
        """Write manifests into the project's folder: `cart` is `cart.yaml`."""
        for name, text in files.items():
            self.person.write(f"{FOLDER}/{name}.yaml", text)

    def remove(self, *names: str) -> None:
        """Remove manifests."""
        for name in names:
            (self.person.folder / FOLDER / f"{name}.yaml").unlink()

    def push(self) -> str:
        """Push what was written and tell of it, as a delivery does."""
        commit = self.person.push()
        self.tell()
        return commit

    def tell(self) -> None:
        """Mark the project dirty."""
        self.store.commit(*dirty(self.store, new_id, "shop"))

    def sync(self) -> None:
        """Push nothing, tell and work off."""
        self.tell()
        self.work()

    def work(self) -> None:
        """Work off every message that is visible now, as the queue would."""
        while self.step():
            pass

    def step(self) -> bool:
        """Work off one message; return whether there was one."""
        claimed = self.queue.receive(1, 60.0)
        if not claimed:
            return False
        try:
            self._handler(claimed[0].message)(claimed[0].message)
        except LitmusGitopsError as error:
            self.errors.append(str(error))
            count = not isinstance(error, NotYet)
            self.queue.nack(claimed[0], str(error), 5.0 if error.retry else 1e6, count=count)
        else:
            self.queue.ack(claimed[0])
        return True

    def _handler(self, message: Message) -> Callable[[Message], None]:
        return {
            "sync/project": self.syncs.sync_project,
            "sync/edit": self.edits.send_edit,
            "sync/proposal": self.proposals.follow,
            "sync/note": self.notes.note_run,
            "sync/status": self.statuses.tell,
            "reconcile/tick": self.reconciler.tick,
            "reconcile/project": self.reconciler.look_after,
            "reconcile/texts": self.texts.look,
            "reconcile/pulls": self.others.append,
            "dispatch/push": self.started.append,
            "dispatch/schedule": self.others.append,
            "dispatch/order": self.others.append,
            "dispatch/next": self.others.append,
        }[f"{message.function}/{message.action}"]

    def experiments(self) -> dict[str, Experiment]:
        """Return what the portal shows, by file name."""
        rows = (row.value for row in listed(self.store, EXPERIMENTS, "shop"))
        return {one.path.removeprefix(f"{FOLDER}/").removesuffix(".yaml"): one for one in rows}

    def policies(self) -> tuple[Policy, ...]:
        """Return the policies."""
        return POLICIES.load_or(self.store, PolicyBook(), "shop").value.policies

    def state(self) -> SyncState:
        """Return how far the sync is."""
        return SYNCS.load_or(self.store, SyncState(), "shop").value

    def text(self, blob: str) -> bytes | None:
        """Return a stored text."""
        found = BLOBS.load(self.store, "shop", blob)
        return None if found is None else found.value

    def ledger(self, kind: str) -> list[Event]:
        """Return the ledger's rows of a kind, oldest first."""
        return [row.value for row in listed(self.store, EVENTS, "shop", kind)]

    def open_edits(self) -> list[Edit]:
        """Return the edits that are not in git."""
        return [row.value for row in listed(self.store, EDITS, "shop")]

    def head(self) -> str:
        """Return the branch's head on the server."""
        return git("rev-parse", "main", cwd=self.bare)

    def shown(self, name: str) -> str:
        """Return a manifest as git has it."""
        return git("show", f"main:{FOLDER}/{name}.yaml", cwd=self.bare) + "\n"
