"""Files that a pull request changes, and the ground that they are judged on."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.model.experiments import Experiment, Fault, Manifest
from shared.model.hosting import Annotation
from shared.model.projects import Cluster
from shared.rules.pulls import Changed, Ground, examine, identities
from shared.rules.sync import Reading

PROBED: Final = Fault(
    "pod-delete",
    "shop",
    "deployment",
    "app=web",
    probes=("answers",),
    lines={"name": 20, "namespace": 15, "probes": 10},
)
LINES: Final = {
    "workflow_id": 5,
    "infra_id": 6,
    "litmuschaos.io/clusters": 7,
    "litmuschaos.io/pass-score": 8,
    "litmuschaos.io/run-on-push": 9,
}
CART: Final = Manifest("ChaosEngine", "cart", faults=(PROBED,), lines=LINES)
EU: Final = Cluster("eu", "shop", "EU", "", {"infra_id": "eu-old", "tier": "staging"})
GROUND: Final = Ground("shop", clusters=(EU,))


def cart(**changes: Any) -> Manifest:
    return msgspec.structs.replace(CART, **changes)


def fault(**changes: Any) -> Fault:
    return msgspec.structs.replace(PROBED, **changes)


def changed(reading: Reading, path: str = "a.yaml", before: str | None = None) -> Changed:
    return Changed(path, f"blob of {path}", reading, before)


def stored(path: str, name: str, manifest: Manifest = CART) -> Experiment:
    return Experiment(name, path, f"blob of {path}", "c1", "synced", "", manifest=manifest)


def found(*files: Changed, ground: Ground = GROUND, head: dict[str, str] | None = None) -> tuple[Annotation, ...]:
    there = (head or {}) | {one.path: one.blob for one in files}
    return examine(files, identities(files, there, ground), ground)
