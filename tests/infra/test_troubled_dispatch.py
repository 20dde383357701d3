"""Triggers to subscribers in every kind of trouble, and our process killed at random: nothing is lost or done twice."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infra.bench.reviews import reviews
from infra.local.folder import furnish
from shared.clients.opening import open_store, open_wakeful
from shared.model.experiments import Experiment, Manifest, SyncState
from shared.model.ledger import Event
from shared.model.projects import Cluster, GitOps, MaxRuns, Project, Safety
from shared.ports.state import Queue, Store
from shared.rules.keys import token
from shared.services.portal_records import listed
from shared.services.tables import (
    BLOBS,
    CLUSTERS,
    EVENTS,
    EXPERIMENTS,
    MEMBERS,
    OPEN_ORDERS,
    PROJECTS,
    RUNS,
    SYNCS,
)
from tests import postgresql
from tests.gitserver import bare, git
from tests.infra.loop import send, until
from tests.infra.stores import Place, in_file, on_server
from tests.infra.troubled import Engine, Subscriber, troubling
from tests.payloads import SEED

SAFETY = Safety(cooldown="0s", storm=None, max_runs=MaxRuns(cluster=9_999, namespace=9_999))
BLOB = "b" * 40
SEEDS = [pytest.param(20_260_101, id="seed-20260101"), pytest.param(SEED, id="the-seed-of-this-run")]


@dataclass(frozen=True)
class Plan:
    """How much of what: so many triggers, clusters, experiments that they start, and kills."""

    triggers: int
    clusters: int
    experiments: int
    kills: int
    hangs: float
    engines: int = 1


SLICE = Plan(triggers=60, clusters=5, experiments=8, kills=3, hangs=0.5)
WHOLE = Plan(triggers=2_000, clusters=20, experiments=20, kills=20, hangs=11.0)
TWO = replace(SLICE, triggers=30, kills=0, engines=2)
"""Engines that share a store; whose leases a kill leaves behind is waited for, so that kills are for the soak."""

SHARED = pytest.param(on_server, 2, id="postgresql", marks=postgresql.needs_server())


class Story:
    """One run of it: everything that is chosen by chance follows from the seed."""

    engines: Sequence[Engine]
    store: Store
    queue: Queue
    leave: Callable[[], None]

    def __init__(self, folder: Path, place: Place, plan: Plan, seed: int) -> None:
        self.plan, self.chance = plan, random.Random(seed)  # noqa: S311 - no secret hangs on it
        (folder / "data").mkdir()
        furnish(folder / "data")
        self.master = bytes.fromhex((folder / "data" / "keys" / "master").read_text())
        self._open(folder, place)
        names = [f"c{number}" for number in range(plan.clusters)]
        urls = itertools.cycle(engine.url for engine in self.engines)
        self.subscribers = [Subscriber(name, self.master, next(urls), plan.hangs) for name in names]
        self._settle(bare(folder / "chaos.git"))

    def _open(self, folder: Path, place: Place) -> None:
        """Make the engines, and see their state as others do; `leave` lets go of it."""
        url = place(folder)
        self.engines = [Engine(folder, url, f"data{number or ''}") for number in range(self.plan.engines)]
        queue = open_wakeful(url)
        self.store, self.queue, self.leave = open_store(url), queue, queue.close

    def _settle(self, repository: Path) -> None:
        """Store the project at its head, experiments and clusters."""
        empty = git("hash-object", "-t", "tree", "-w", "--stdin", cwd=repository, given=b"")
        head = git("commit-tree", empty, "-m", "x", cwd=repository)
        git("update-ref", "refs/heads/main", head, cwd=repository)
        gitops = GitOps(f"file://{repository}", "litmus/shop", mode="enforce")
        project = PROJECTS.put(Project("shop", "Shop", "", gitops, SAFETY), "shop")
        synced = SYNCS.put(SyncState(1, 1, head, "2026-01-01T00:00:00.000Z", head), "shop")
        self.store.commit([project, synced, BLOBS.put(b"kind: Workflow\n", "shop", BLOB)])
        for name in self.experiments:
            manifest = Manifest("Workflow", name)
            made = Experiment(name, f"{name}.yaml", BLOB, head, "synced", "", "Workflow", name, manifest=manifest)
            self.store.commit([EXPERIMENTS.put(made, "shop", name)])
        for one in self.subscribers:
            cluster = Cluster(one.cluster, "shop", one.cluster, "", {}, one.url)
            self.store.commit([CLUSTERS.put(cluster, cluster.id), MEMBERS.put(cluster, "shop", cluster.id)])

    @property
    def experiments(self) -> list[str]:
        return [f"kill-{number}" for number in range(self.plan.experiments)]

    def run(self) -> None:
        """Trigger everything amid the trouble, then let it be calm until all has ended."""
        calm = threading.Event()
        with ExitStack() as stack:
            stack.callback(self.leave)
            for one in self.subscribers:
                stack.enter_context(one)
            for engine in self.engines:
                stack.enter_context(engine)
            with ThreadPoolExecutor(6) as pool:
                own = random.Random(self.chance.random())  # noqa: S311 - likewise
                trouble = pool.submit(troubling(self.subscribers, own, calm))
                sent = [pool.submit(self._trigger, numbers) for numbers in self._shares(4)]
                self._kill()
                for share in sent:
                    share.result()
                calm.set()
                trouble.result()
            self._check()

    def _shares(self, count: int) -> Iterator[list[int]]:
        numbers = list(range(self.plan.triggers))
        self.chance.shuffle(numbers)
        yield from (numbers[start::count] for start in range(count))

    def _kill(self) -> None:
        for _ in range(self.plan.kills):
            time.sleep(self.chance.uniform(0.1, 2.5 if self.plan is WHOLE else 0.6))
            engine = self.chance.choice(self.engines)
            engine.kill()
            engine.start()

    def _trigger(self, numbers: list[int]) -> None:
        """Send a review of each change until it is answered, as a caller who was not answered repeats it."""
        for number in numbers:
            cluster = f"c{number % self.plan.clusters}"
            path = f"/admission/{cluster}/{token(self.master, 'admission', cluster, 1)}"
            review = reviews(path, watched=True)(number).partition(b"\r\n\r\n")[2]
            experiment = self.experiments[number // self.plan.clusters % self.plan.experiments]
            body = review.replace(b"cart-pod-delete", experiment.encode())
            while send("POST", self.engines[number % len(self.engines)].url + path, body) != 200:
                time.sleep(0.05)

    def _check(self) -> None:
        """Claim that each trigger had its effect once, and that the ledger tells of it all."""
        for one in self.subscribers:
            one.beat()
        until(self._ended, f"the end of all runs: {self._left()}", 300)
        assert Counter(self.changed) == Counter(name for one in self.subscribers for name in one.effects)
        orders = Counter(row.detail["order"] for row in self._rows("order") if row.verdict == "ordered")
        assert Counter(order for one in self.subscribers for order in one.asked) == orders
        assert {"completed": self.plan.triggers} == Counter(row.verdict for row in self._rows("run"))
        assert {"triggered": self.plan.triggers} == Counter(row.verdict for row in self._rows("change"))
        assert set() == {row.verdict for row in self._rows("order")} - {"ordered", "taken", "waiting"}
        self._check_circuits()
        assert [] == [letter for letter in self.queue.dead() if letter.message.function == "dispatch"]

    @property
    def changed(self) -> list[str]:
        return [f"cart-{number:06d}" for number in range(self.plan.triggers)]

    def _check_circuits(self) -> None:
        """Each circuit was opened and closed by turns."""
        for one in self.subscribers:
            told = [row.verdict for row in self._rows("cluster") if row.subject == one.cluster]
            assert (["unreachable", "reachable"] * len(told))[: len(told)] == told

    def _ended(self) -> bool:
        """Whether every trigger has its run and no order is open, in this order: one is made together with its run."""
        return len(list(listed(self.store, RUNS, "shop"))) == self.plan.triggers and not any(self._left().values())

    def _left(self) -> dict[str, int]:
        clusters = [one.cluster for one in self.subscribers]
        return {name: len(list(listed(self.store, OPEN_ORDERS, name))) for name in clusters}

    def _rows(self, kind: str) -> list[Event]:
        return [row.value for row in listed(self.store, EVENTS, "shop", kind)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_few_triggers_amid_trouble_have_their_effect_once(tmp_path: Path, seed: int) -> None:
    Story(tmp_path, in_file, SLICE, seed).run()


@postgresql.needs_server()
@pytest.mark.parametrize("seed", SEEDS[1:])
def test_two_engines_on_one_server_have_each_effect_once(tmp_path: Path, seed: int) -> None:
    Story(tmp_path, on_server, TWO, seed).run()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("place", "engines"), [pytest.param(in_file, 1, id="sqlite"), SHARED])
def test_2000_triggers_to_20_subscribers_amid_trouble_have_their_effect_once(
    tmp_path: Path, place: Place, engines: int, seed: int
) -> None:
    Story(tmp_path, place, replace(WHOLE, engines=engines), seed).run()
