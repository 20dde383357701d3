"""The project and the clusters of the fan-out, as the store has them before a trigger, and again after its runs."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from infra.bench.house import MADE, PROJECT, House, gitops
from infra.bench.processes import HOST, LOOK_EVERY
from infra.bench.syncing import Origin
from shared.clients.git import Remotes
from shared.model.experiments import Experiment, Manifest, SyncState
from shared.model.hosting import Access
from shared.model.projects import Cluster, MaxRuns, Project, Safety
from shared.model.records import Delete
from shared.rules.routing import CLUSTERS as NAMED
from shared.services.tables import (
    ACTIVE,
    BLOBS,
    CLUSTERS,
    EXPERIMENTS,
    MEMBERS,
    OPEN_ORDERS,
    PROJECTS,
    STANDINGS,
    SYNCS,
)

TEXT: Final = b"kind: Workflow\n"
BLOB: Final = "b" * 40
ROOMY: Final = Safety(cooldown="0s", storm=None, max_runs=MaxRuns(cluster=99, namespace=99))


def settle(house: House, ports: list[int], rounds: int) -> None:
    """Store the project at the head of a repository of its own, an experiment a round, and the clusters."""
    origin = Origin(house.folder / "chaos.git")
    origin.make(1)
    head = Remotes()(Access(origin.url, allow_local=True)).head("main") or ""
    manifest = Manifest("Workflow", "kill", annotations={NAMED: "fleet=bench"})
    synced = SYNCS.put(SyncState(1, 1, head, MADE, head), PROJECT)
    project = PROJECTS.put(Project(PROJECT, "Shop", MADE, gitops(origin.url), ROOMY), PROJECT)
    house.store.commit([project, synced, BLOBS.put(TEXT, PROJECT, BLOB)])
    for turn in range(rounds):
        name = experiment(turn)
        made = Experiment(name, f"{name}.yaml", BLOB, head, "synced", MADE, "Workflow", name, manifest=manifest)
        house.store.commit([EXPERIMENTS.put(made, PROJECT, name)])
    for number, port in enumerate(ports):
        cluster = Cluster(f"c{number}", PROJECT, "", MADE, {"fleet": "bench"}, f"http://{HOST}:{port}/")
        house.store.commit([CLUSTERS.put(cluster, cluster.id), MEMBERS.put(cluster, PROJECT, cluster.id)])


def wait_until_taken(house: House, count: int) -> None:
    """Return once the store has it that each order was taken, so that what is measured next has the machine alone."""
    for number in range(count):
        opened = partial(house.store.query, OPEN_ORDERS.partition(f"c{number}"))
        while any(STANDINGS.read(row).value.state == "ready" for row in opened()):
            time.sleep(LOOK_EVERY)


def end_runs(house: House, count: int) -> None:
    """Have the runs be over, as reports would, so that each round finds its clusters as the first one did."""
    for number in range(count):
        listed = (house.store.query(table.partition(f"c{number}")) for table in (ACTIVE, OPEN_ORDERS))
        house.store.commit([Delete(row.key) for rows in listed for row in rows])


def experiment(turn: int) -> str:
    """Return the experiment of a round."""
    return f"kill-{turn}"
