"""A project with clusters on a real store and queue, a real repository, and a subscriber that listens on loopback."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets
from shared.clients.prometheus import HttpMonitors
from shared.clients.sqlite import Database, SqliteQueue, SqliteStore
from shared.clients.subscribers import HttpSubscribers
from shared.errors import LitmusGitopsError, NotYet
from shared.model.calls import Answer, Call
from shared.model.changes import Changed, Workload
from shared.model.experiments import Experiment, Fault, Manifest, SyncState
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.orders import Dispatched, Order
from shared.model.projects import Cluster, GitOps, Project, Safety
from shared.model.runs import Report, Run
from shared.model.triggers import Pushed, Trigger
from shared.rules.keys import subscriber_key
from shared.services.conditions import Conditions
from shared.services.delivering import Delivering
from shared.services.dispatching import Dispatching
from shared.services.heartbeats import Heartbeats
from shared.services.ledger import message, stamp
from shared.services.overseeing import Overseeing
from shared.services.polling import Polling
from shared.services.releasing import Releasing
from shared.services.reporting import Reporting
from shared.services.repositories import Repositories
from shared.services.sightings import Sightings
from shared.services.tables import (
    BLOBS,
    CLUSTERS,
    COOLDOWNS,
    EVENTS,
    EXPERIMENTS,
    MEMBERS,
    OPEN_ORDERS,
    ORDERS,
    PROJECTS,
    PUSHED,
    RUNS,
    SYNCS,
)
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.wire.orders import read_order
from shared.wire.reports import write_report
from shared.wire.standard_webhooks import sign, verify
from tests.clients.conformance.engines import ManualClock
from tests.gitserver import bare, git
from tests.services.dispatch_parts import MASTER, Killed, MortalStore, SubscriberStand

WEB = Workload("c1", "Deployment", "shop", "web")
TEXT = b"kind: Workflow\n"
KILL = Manifest("Workflow", "kill", faults=(Fault("pod-delete", "shop", service_account="argo-chaos"),))


class Stage:
    """Project `shop` in mode enforce, with experiment `kill` at the head of git and cluster `c1`."""

    blob = hashlib.sha1(TEXT, usedforsecurity=False).hexdigest()

    def __init__(self, folder: Path, subscriber: SubscriberStand) -> None:
        self.clock = ManualClock()
        self.subscriber = subscriber
        subscriber.clock = lambda: self.clock().timestamp()
        self.database = Database(folder / "state.sqlite", patience=0.05)
        self.store = MortalStore(SqliteStore(self.database, self.clock))
        self.queue = SqliteQueue(self.database, self.clock)
        self.repository = bare(folder / "chaos.git")
        self.head = self.push()
        self.pauses: list[float] = []
        self.elsewhere: list[Message] = []
        self._assemble(folder)
        self.settle(Safety(cooldown="0s"))
        self.experiment()
        self.cluster("c1", subscriber.url)

    def _assemble(self, folder: Path) -> None:
        store, clock = self.store, self.clock
        repositories = Repositories(Remotes(), Hosts(), open_secrets(folder), allow_local=True)
        secrets = open_secrets(folder)
        conditions = Conditions(secrets, HttpMonitors(allow_local=True, read=0.5), clock, allow_local=True)
        self.dispatching = Dispatching(store, repositories, clock, new_id, conditions)
        self.overseeing = Overseeing(store, clock, new_id, conditions)
        self.delivering = Delivering(store, HttpSubscribers(allow_local=True), clock, new_id, MASTER, conditions)
        self.polling = Polling(store, clock, new_id, MASTER, conditions, self._pause)
        watch = Watch(store, clock, MASTER)
        turns = Turns(Sightings(watch, new_id, frozenset({"Deployment"})), lambda *_, **__: None)
        heartbeats = Heartbeats(watch, turns, lambda *_, **__: None)
        self.reporting = Reporting(store, clock, new_id, MASTER, heartbeats)
        self.releasing = Releasing(store, clock, new_id)
        self.actions: dict[tuple[str, str], Callable[[Message], None]] = {
            ("dispatch", "change"): self.dispatching.change,
            ("dispatch", "push"): self.dispatching.push,
            ("dispatch", "schedule"): self.dispatching.schedule,
            ("dispatch", "watch"): self.overseeing.watch,
            **{("dispatch", name): action for name, action in self.delivering.actions.items()},
        }

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def settle(self, safety: Safety, **fields: Any) -> None:
        """Store the project with these settings."""
        gitops = GitOps(
            **{"repo_url": f"file://{self.repository}", "path": "litmus/shop", "mode": "enforce"}
            | fields.pop("gitops", {})
        )
        project = Project("shop", "Shop", "", gitops, safety, **fields)
        self.store.store.commit([PROJECTS.put(project, "shop")])

    def push(self) -> str:
        """Move the branch's head and return it."""
        empty = git("hash-object", "-t", "tree", "-w", "--stdin", cwd=self.repository, given=b"")
        parent = [f"-p{self.head}"] if hasattr(self, "head") else []
        commit = git("commit-tree", empty, *parent, "-m", "x", cwd=self.repository)
        git("update-ref", "refs/heads/main", commit, cwd=self.repository)
        return commit

    def experiment(self, name: str = "kill", manifest: Manifest | None = KILL, **fields: Any) -> None:
        """Store an experiment as a sync would."""
        blob = self.blob
        made = Experiment(
            **{"id": name, "path": f"litmus/shop/{name}.yaml", "blob": blob, "commit": self.head, "state": "synced"}
            | {"updated_at": "", "kind": "Workflow", "name": name, "manifest": manifest}
            | fields
        )
        synced = SYNCS.put(SyncState(1, 1, self.head, "t", self.head), "shop")
        self.store.store.commit([EXPERIMENTS.put(made, "shop", name), BLOBS.put(TEXT, "shop", blob), synced])

    def cluster(self, name: str, url: str | None = None, **labels: str) -> None:
        """Register a cluster."""
        cluster = Cluster(name, "shop", name, "", labels, url)
        self.store.store.commit([CLUSTERS.put(cluster, name), MEMBERS.put(cluster, "shop", name)])

    def change(self, *experiments: str, verdict: str = "triggered", workload: Workload = WEB, **fields: Any) -> str:
        """Decide on a change as the receivers do, and return its id."""
        trigger = Trigger(
            workload, "u-1", (Changed("spec.replicas", "ab" * 32),), experiments or ("kill",), ("c" * 40,), **fields
        )
        name, at = new_id(), stamp(self.clock)
        event = Event(name, at, "change", verdict, "", workload.subject, {"trigger": msgspec.to_builtins(trigger)})
        last = [
            COOLDOWNS.put(at, "shop", f"{workload.cluster}/{workload.subject}/{one}") for one in trigger.experiments
        ]
        self.store.store.commit([EVENTS.put(event, "shop", "change", name), *last], [self.due(name)])
        return name

    def pushed(self, name: str = "kill", manifest: Manifest | None = KILL, **fields: Any) -> Message:
        """Push an experiment's text as a sync finds it, with the start that it asks for."""
        self.head = self.push()
        self.experiment(name, manifest, commit=self.head, **fields)
        found = EXPERIMENTS.load(self.store, "shop", name)
        assert found
        one = found.value
        due = message(new_id, "dispatch", "push", project="shop", experiment=name, blob=one.blob, commit=one.commit)
        key = f"{name}/{one.blob}/{one.commit}"
        self.store.store.commit([PUSHED.put(Pushed(new_id(), stamp(self.clock)), "shop", key)], [due])
        return due

    def due(self, change: str) -> Message:
        """Return the message that has a change dispatched."""
        return message(new_id, "dispatch", "change", project="shop", change=change)

    def pump(self, seconds: float = 0.0) -> None:
        """Let time pass, and work off every message that is due by then, as the engine does."""
        until = self.clock.now + timedelta(seconds=seconds)
        while (due := self.queue.due_in()) is not None and self.clock.now + timedelta(seconds=due) <= until:
            self.clock.advance(math.ceil(due * 1e6) / 1e6)
            self._deliver()
        self.clock.now = until

    def _deliver(self) -> None:
        for claimed in self.queue.receive(1, 30.0):
            action = self.actions.get((claimed.message.function, claimed.message.action))
            try:
                (action or self.elsewhere.append)(claimed.message)
            except NotYet as error:
                self.queue.nack(claimed, str(error), error.seconds, count=False)
            except LitmusGitopsError as error:
                self.queue.nack(claimed, str(error))
            except Killed:
                self.queue.void_leases()
                raise
            else:
                self.queue.ack(claimed)

    def call(self, path: str, body: bytes, cluster: str = "c1", key: bytes | None = None, wait: str = "0") -> Call:
        """Return a call that a cluster's subscriber signed."""
        signed = sign(key or subscriber_key(MASTER, cluster, 1), new_id(), int(self.clock().timestamp()), body)
        return Call("POST" if body else "GET", path, {"cluster": cluster}, {"wait": wait}, signed, body)

    def report(self, order: str | None, state: Any, cluster: str = "c1", **fields: Any) -> Answer:
        """Report as the cluster's subscriber does."""
        said = Report(**{"order": order, "run": order, "state": state, "at": stamp(self.clock)} | fields)
        return self.reporting.receive(self.call(f"/reports/{cluster}", write_report(said), cluster))

    def poll(self, cluster: str = "c1", wait: str = "0") -> list[Order]:
        """Ask for orders as the cluster's subscriber does."""
        answer = self.polling.poll(self.call(f"/orders/{cluster}", b"", cluster, wait=wait))
        assert isinstance(answer.body, bytes)
        verify([subscriber_key(MASTER, cluster, 1)], answer.headers, answer.body, self.clock().timestamp())
        items = msgspec.json.decode(answer.body, type=dict[str, list[msgspec.Raw]])["items"]
        return [read_order(bytes(item)) for item in items]

    def rows(self, kind: str) -> list[Event]:
        """Return the ledger's rows of a kind, oldest first."""
        return [EVENTS.read(row).value for row in self.store.query(EVENTS.partition("shop", kind), limit=1000)]

    def verdicts(self, kind: str = "order") -> list[str]:
        """Return their verdicts."""
        return [row.verdict for row in self.rows(kind)]

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        return [RUNS.read(row).value for row in self.store.query(RUNS.partition("shop"), limit=1000)]

    def states(self) -> list[tuple[str, str]]:
        """Return the cluster and state of each run, oldest first."""
        return [(run.cluster, run.state) for run in self.runs()]

    def order(self, name: str, cluster: str = "c1") -> Dispatched:
        """Return an order as it is kept."""
        found = ORDERS.load(self.store, cluster, name)
        assert found, name
        return found.value

    def orders(self, cluster: str = "c1") -> list[Dispatched]:
        """Return all orders of a cluster, by id."""
        return [ORDERS.read(row).value for row in self.store.query(ORDERS.partition(cluster), limit=1000)]

    def open(self, cluster: str = "c1") -> list[str]:
        """Return the ids of the cluster's open orders."""
        return [row.key.sort for row in self.store.query(OPEN_ORDERS.partition(cluster), limit=1000)]

    def sent(self, action: str) -> list[Message]:
        """Return the messages for other functions that came by."""
        return [one for one in self.elsewhere if one.action == action]
