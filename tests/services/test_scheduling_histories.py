"""Random histories of files, people's words, freezes and clusters: in the end a real cluster holds what it should.

Portal and subscriber are real, and so is what they write to; the network between them loses, delays, repeats and mixes
up what goes either way.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.model.experiments import Experiment
from shared.model.orders import Order
from shared.model.projects import Freeze
from shared.model.runs import Report
from shared.rules.routing import CLUSTERS
from shared.services.accepting import rescheduled
from shared.services.tables import EXPERIMENTS
from tests.services.chaos_cluster import CLUSTER, CRON_WORKFLOWS, ChaosCluster, send, until
from tests.services.chaos_manifests import cron
from tests.services.dispatch_stage import Stage
from tests.services.scheduled import CRON, Yard

NAMES = ("n1", "n2", "n3")
Held = dict[str, tuple[str, bool]]
"""What a cluster holds: experiment → the text's mark, and whether it is suspended."""


class History:
    """A project with the cluster `staging`, which is real, and `c2`, which is always away."""

    def __init__(self, seed: int, stage: Stage, cluster: ChaosCluster) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a story, no secret
        self.yard, self.cluster = Yard(stage), cluster
        self.subscriber = cluster.subscriber()
        self.mark = f"x{cluster.namespace}-"
        self.accepted: dict[str, bool] = {}
        self.files: dict[str, tuple[str, str]] = {}
        self.texts = 0
        self.on, self.mode, self.frozen, self.frozen_there = True, "enforce", False, False
        self.late: list[Report] = []
        self.astray: list[Order] = []
        self.yard.leave("c1")
        self.yard.join(CLUSTER)
        self.yard.join("c2")

    def id(self, name: str) -> str:
        return self.mark + name

    def step(self) -> None:
        """Let somebody do something, and let some of what follows happen."""
        acts = [self.freeze, self.freeze_there, self.observe, self.turn, self.move, self.repeat]
        if self.on:
            acts += [self.push, self.push, self.push, self.spoil, self.remove, self.say, self.say]
        self.random.choice(acts)()
        for _ in range(self.random.randrange(3)):
            self.random.choice([self.yard.pump, self.carry, self.hear])()

    def push(self) -> None:
        name = self.random.choice(NAMES)
        where = self.random.choice((CLUSTER, "c2", f"{CLUSTER},c2"))
        self.write(name, where)

    def write(self, name: str, where: str) -> None:
        """Push another text of a file, or have an import find it."""
        self.texts += 1
        text = cron(self.cluster.namespace, name).replace("0 3", f"{self.texts % 60} 3")
        manifest = msgspec.structs.replace(CRON, annotations={CLUSTERS: where})
        importing = self.random.random() < 0.2
        fresh = name not in self.files
        self.accepted[name] = False if importing else fresh or self.accepted[name]
        self.files[name] = (f"{self.texts % 60} 3 * * *", where)
        self.yard.file(self.id(name), text, importing=importing, manifest=manifest)

    def spoil(self) -> None:
        name = self.random.choice(NAMES)
        if name in self.files:
            self.files[name] = ("", self.files[name][1])
            self.yard.file(self.id(name), f"\t{self.texts}", state="invalid", manifest=None)

    def remove(self) -> None:
        name = self.random.choice(NAMES)
        if self.files.pop(name, None):
            self.yard.gone(self.id(name))

    def say(self) -> None:
        name = self.random.choice(NAMES)
        if name in self.files:
            self.accepted[name] = self.random.random() < 0.7
            self.yard.accepting.accept("shop", self.id(name), "owner", accept=self.accepted[name])

    def freeze(self) -> None:
        self.frozen = not self.frozen
        self.settle()

    def freeze_there(self) -> None:
        self.frozen_there = not self.frozen_there
        self.yard.join(CLUSTER, freeze=Freeze() if self.frozen_there else None)

    def observe(self) -> None:
        self.mode = self.random.choice(("observe", "enforce"))
        self.settle()

    def turn(self) -> None:
        """Turn GitOps off or on; what was accepted is forgotten once that has been looked at."""
        self.on = not self.on
        self.settle()
        if not self.on:
            self.accepted = dict.fromkeys(self.accepted, False)
            self.yard.pump()

    def move(self) -> None:
        """Forget the far cluster, or register it anew."""
        self.yard.leave("c2")
        if self.random.random() < 0.7:
            self.yard.join("c2", version=self.random.randrange(1, 9))

    def repeat(self) -> None:
        name = self.random.choice([None, *map(self.id, NAMES)])
        self.yard.stage.dispatching.schedule(rescheduled(new_id, "shop", name))

    def settle(self) -> None:
        freeze = Freeze() if self.frozen else None
        self.yard.settle(freeze=freeze, gitops={"enabled": self.on, "mode": self.mode})

    def carry(self) -> None:
        """Bring orders to the subscriber, in any order, more than once, or only later; its reports wait as well."""
        self.yard.pump()
        self.astray += self.yard.stage.poll(CLUSTER)
        self.random.shuffle(self.astray)
        arrived = [order for order in self.astray if self.random.random() < 0.6]
        self.astray = [order for order in self.astray if order not in arrived]
        self.arrive(arrived)

    def arrive(self, orders: list[Order]) -> None:
        for order in self.random.sample(orders * 2, len(orders) * 2):
            send(self.subscriber, order)
        for order in orders:
            self.late += [until(lambda name=order.order: self.cluster.portal.of(name))[-1]]  # type: ignore[misc]

    def hear(self) -> None:
        """Hear some of the reports that are late, in any order, and perhaps again."""
        self.random.shuffle(self.late)
        for report in self.late[: self.random.randrange(4)]:
            self.yard.stage.report(report.order, report.state, CLUSTER, message=report.message)
            if self.random.random() < 0.7:
                self.late.remove(report)
        self.yard.pump()

    def end(self) -> None:
        """Have everybody act until nothing is left to do; what went astray arrives last."""
        while True:
            self.yard.pump()
            ready = self.yard.stage.poll(CLUSTER)
            if not (ready or self.astray or self.late):
                return
            self.arrive(ready or self.astray)
            self.astray = self.astray if ready else []
            for report in self.late:
                self.yard.stage.report(report.order, report.state, CLUSTER, message=report.message)
            self.late.clear()
            self.yard.pump()

    def held(self) -> Held:
        """Return what the real cluster holds."""
        found = self.cluster.created(CRON_WORKFLOWS)
        named = ((one["metadata"]["labels"]["workflow_id"].removeprefix(self.mark), one["spec"]) for one in found)
        return {name: (spec["schedule"], bool(spec.get("suspend"))) for name, spec in named}

    def wanted(self) -> Held:
        """Return what it should hold, of files that are good and while the project enforces."""
        paused = self.frozen or self.frozen_there
        there = {name: one for name, one in self.files.items() if self.on and self.accepted[name]}
        return {name: (text, paused) for name, (text, where) in there.items() if CLUSTER in where}

    def check(self) -> None:
        """Claim that nothing may start that should not, whatever else is so."""
        held, wanted = self.held(), self.wanted()
        for name, (_, suspended) in held.items():
            text = self.files.get(name, ("", ""))[0]
            assert suspended or (name in wanted and text and self.mode == "enforce"), name
            assert suspended or not (self.frozen or self.frozen_there), name

    def shown(self) -> dict[str, str | None]:
        rows = self.yard.stage.store.query(EXPERIMENTS.partition("shop"), limit=100)
        found: list[Experiment] = [EXPERIMENTS.read(row).value for row in rows]
        return {one.id.removeprefix(self.mark): one.schedule for one in found if one.id.startswith(self.mark)}


@pytest.mark.parametrize(
    ("number", "length"),
    [pytest.param(3, 14, id="short"), pytest.param(60, 40, id="long", marks=pytest.mark.soak)],
)
def test_every_history_ends_with_what_git_and_people_want(
    number: int, length: int, stages: Callable[[], Stage], cluster: ChaosCluster
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - a failure names it
    for turn in range(number):
        history = History(seed + turn, stages(), cluster)
        for _ in range(length):
            history.step()
        history.end()
        history.check()
        _mend(history)
        history.end()
        assert history.wanted() == history.held(), f"seed {seed + turn}"
        expected = {name: "suspended" if halted else "installed" for name, (_, halted) in history.held().items()}
        elsewhere = {name for name, (_, where) in history.files.items() if where == "c2"}
        shown = {name: how for name, how in history.shown().items() if name not in elsewhere}
        assert {name: expected.get(name, "waiting") for name in shown} == shown, f"seed {seed + turn}"
        _empty(history)


def _mend(history: History) -> None:
    """Have the project enforce, and every file readable."""
    history.mode = "enforce"
    history.settle()
    if not history.on:
        history.turn()
    for name, (text, where) in list(history.files.items()):
        if not text:
            history.write(name, where)


def _empty(history: History) -> None:
    """Remove everything, and claim that nothing is left."""
    for name in list(history.files):
        history.files.pop(name)
        history.yard.gone(history.id(name))
    history.end()
    assert {} == history.held()
