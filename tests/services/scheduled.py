"""A stage with experiments that have schedules: files as a sync writes them, and what everybody sees of them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from shared.clients.ids import new_id
from shared.model.experiments import Experiment, Fault, Manifest
from shared.model.orders import Dispatched
from shared.model.projects import Safety
from shared.model.records import ABSENT, Write
from shared.model.schedules import Scheduled
from shared.rules.pushing import Move
from shared.services.accepting import Accepting, rescheduled
from shared.services.ledger import message
from shared.services.tables import BLOBS, CLUSTERS, EXPERIMENTS, MEMBERS, SCHEDULES
from tests.services.dispatch_stage import Stage

CRON = Manifest("CronWorkflow", "nightly", faults=(Fault("pod-delete", "shop"),))
SAFE = Safety(cooldown="0s")


class Yard:
    """Project `shop` of a stage, in mode enforce, with cluster `c1`; its schedules are `n1` unless named."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.accepting = Accepting(stage.store, stage.clock, new_id)

    def file(self, name: str = "n1", text: str = "one", *, importing: bool = False, **fields: Any) -> None:
        """Have git hold this text, as a sync writes it."""
        blob = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        made: dict[str, Any] = {
            "id": name,
            "path": f"litmus/shop/{name}.yaml",
            "blob": blob,
            "commit": self.stage.head,
            "state": "synced",
            "updated_at": "",
            "kind": "CronWorkflow",
            "name": name,
            "manifest": CRON,
        }
        was = EXPERIMENTS.load(self.stage.store, "shop", name)
        kept = (
            {key: getattr(was.value, key) for key in ("schedule", "schedule_reason", "schedule_failed")} if was else {}
        )
        now = Experiment(**(made | {"schedule": "waiting"} | kept | fields))
        write = EXPERIMENTS.put(now, "shop", name, expected=was.version if was else ABSENT)
        texts = BLOBS.put(text.encode(), "shop", blob)
        self._commit([write, texts], Move(now, was.value if was else None), importing=importing)

    def gone(self, name: str = "n1") -> None:
        """Have git hold it no more."""
        was = EXPERIMENTS.load(self.stage.store, "shop", name)
        if was:
            self._commit([EXPERIMENTS.delete("shop", name, expected=was.version)], Move(None, was.value))

    def _commit(self, writes: list[Write], move: Move, *, importing: bool = False) -> None:
        [work] = self.accepting.along("shop", [move], importing=importing)
        self.stage.store.store.commit([*writes, *work.writes], work.messages)

    def settle(self, safety: Safety = SAFE, **fields: Any) -> None:
        """Set the project, and have its schedules looked at, as the API does."""
        self.stage.settle(safety, **fields)
        self.tell()

    def tell(self) -> None:
        """Have all schedules looked at, as reconcile does."""
        self.stage.store.store.commit([], [rescheduled(new_id, "shop")])

    def join(self, name: str, url: str | None = None, **changes: Any) -> None:
        """Register a cluster, or change it."""
        self.stage.cluster(name, url)
        found = MEMBERS.load(self.stage.store, "shop", name)
        assert found
        now = msgspec.structs.replace(found.value, **changes)
        writes = [MEMBERS.put(now, "shop", name), CLUSTERS.put(now, name)]
        self.stage.store.store.commit(writes, [rescheduled(new_id, "shop")])

    def leave(self, name: str) -> None:
        """Forget a cluster."""
        next_ = message(new_id, "dispatch", "next", cluster=name)
        writes = [MEMBERS.delete("shop", name), CLUSTERS.delete(name)]
        self.stage.store.store.commit(writes, [next_, rescheduled(new_id, "shop")])

    def pump(self, seconds: float = 0.0) -> None:
        """Work off what is due."""
        self.stage.pump(seconds)

    def done(self, cluster: str = "c1", state: str = "completed", message: str = "") -> None:
        """Have a cluster carry out, in order, all that it was ordered, and what follows from that."""
        self.pump()
        while opened := [one for one in self.stage.orders(cluster) if one.state in {"ready", "taken"}]:
            for order in opened:
                self.stage.report(order.id, state, cluster, message=message)
            self.pump()

    def installed(self, name: str = "n1", text: str = "one") -> None:
        """Have it pushed and installed on `c1`."""
        self.file(name, text)
        self.done()

    def shown(self, name: str = "n1") -> Experiment:
        """Return what the portal shows."""
        found = EXPERIMENTS.load(self.stage.store, "shop", name)
        assert found, name
        return found.value

    def record(self, name: str = "n1") -> Scheduled | None:
        """Return what is remembered."""
        found = SCHEDULES.load(self.stage.store, "shop", name)
        return found.value if found else None

    def orders(self, cluster: str = "c1") -> list[Dispatched]:
        """Return the orders about schedules, oldest first."""
        return [one for one in self.stage.orders(cluster) if one.action in {"install", "remove"}]

    def told(self, cluster: str = "c1") -> list[str]:
        """Return what a cluster was ordered: `+` installs, `=` installs suspended, `-` removes."""
        signs = {("install", False): "+", ("install", True): "=", ("remove", False): "-"}
        return [signs[one.action, one.parameters["suspend"]] for one in self.orders(cluster)]

    def seen(self, name: str = "n1") -> tuple[str | None, str | None]:
        """Return how the schedule stands, and why."""
        shown = self.shown(name)
        return shown.schedule, shown.schedule_reason
