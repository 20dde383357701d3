"""What a simulated month is about: workloads, the experiments that they name, and safety rules that chance makes."""

from __future__ import annotations

import random
from typing import Any, Final

from shared.model.projects import MaxRuns, Safety, Storm, Window

EXPERIMENTS: Final = {
    "shop-kill": ("shop", "pod-delete"),
    "shop-slow": ("shop", "pod-network-latency"),
    "db-kill": ("db", "pod-delete"),
    "db-fill": ("db", "disk-fill"),
}
WORKLOADS: Final = {"web": "shop", "cart": "shop", "orders": "db", "users": "db"}


def rules(chance: random.Random) -> Safety:
    """Return safety rules of which each is on or off by chance."""
    opens = Window(
        f"{chance.randrange(60)} {chance.randrange(5, 12)} * * *", f"{chance.randrange(2, 9)}h", _zone(chance)
    )
    return Safety(
        cooldown=chance.choice(("0s", "10m", "2h", "1d")),
        max_runs=MaxRuns(chance.randrange(1, 4), chance.randrange(1, 3)),
        storm=chance.choice((None, Storm(chance.randrange(2, 8), chance.choice(("5m", "1h"))))),
        expiry=chance.choice(("20m", "1h", "6h")),
        windows=chance.choice(((), (opens,))),
        allowed_namespaces=chance.choice(((), ("s*",), ("shop", "db"))),
        allowed_faults=chance.choice(((), ("pod-*",))),
        approval_namespaces=chance.choice(((), ("db",))),
    )


def _zone(chance: random.Random) -> str:
    return chance.choice(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))


def deployment(name: str, image: int, generation: int, experiments: list[str]) -> dict[str, Any]:
    annotations = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": ",".join(experiments)}
    metadata = {"name": name, "namespace": WORKLOADS[name], "uid": f"u-{name}", "generation": generation}
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": f"app:{image}"}]}}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata | {"annotations": annotations}}
    return head | {"spec": spec}
