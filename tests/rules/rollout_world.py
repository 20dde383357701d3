"""Rollouts made up pod by pod: a controller that lags, pods that come up or do not, people who pause, scale and delete.

Each version of the object comes with the truth about it, which is told from the pods and never from the status.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Truth = Literal["go", "wait", "paused", "zero", "deadline", "by hand", "kept", "nowhere"]
Version = tuple[dict[str, Any], Truth]
"""An object and the truth about it."""

STYLES = (
    "Deployment/RollingUpdate",
    "Deployment/Recreate",
    "Deployment/surge",
    "Deployment/paused",
    "Deployment/stuck",
    "StatefulSet/RollingUpdate",
    "StatefulSet/partition",
    "StatefulSet/OnDelete",
    "DaemonSet/RollingUpdate",
    "DaemonSet/OnDelete",
    "Deployment/zero",
    "StatefulSet/zero",
    "DaemonSet/nowhere",
)
DEADLINE = 4
"""Steps without progress after which the controller gives up."""


@dataclass
class Pod:
    """One pod: it is pending (0), ready (1), then available (2)."""

    ordinal: int
    new: bool
    state: int = 2


@dataclass
class Rollout:
    """A workload, its pods, and what its controller last said of them."""

    style: str
    chance: random.Random
    wanted: int
    generation: int = 2
    observed: int = 1
    partition: int = 0
    paused: bool = False
    idle: int = 0
    gave_up: bool = False
    current: str = "a"
    pods: list[Pod] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.style.partition("/")[0]

    @property
    def how(self) -> str:
        return self.style.partition("/")[2]

    def step(self) -> None:
        """Let a little happen: to the pods, by people, and then, if the controller is awake, to the status."""
        before = repr(self.pods)
        self._people()
        if self.observed == self.generation and not self.paused:
            self._controller()
        for pod in self.pods:
            if pod.state < 2 and not (self.how == "stuck" and pod.new) and self.chance.random() < 0.6:
                pod.state += 1
        self.idle = self.idle + 1 if before == repr(self.pods) and not self._complete() else 0
        if self.chance.random() < 0.7:
            self._report()

    def object(self) -> dict[str, Any]:
        """Return the object as the API has it now."""
        how = {"Recreate": "Recreate", "OnDelete": "OnDelete"}.get(self.how, "RollingUpdate")
        spec: dict[str, Any] = {} if self.kind == "DaemonSet" else {"replicas": self.wanted}
        spec["strategy" if self.kind == "Deployment" else "updateStrategy"] = {
            "type": how,
            "rollingUpdate": {"partition": self.partition} if self.partition else None,
        }
        spec |= {"paused": True} if self.paused else {}
        status = self.status | {"observedGeneration": self.observed}
        return {"kind": self.kind, "metadata": {"generation": self.generation}, "spec": spec, "status": status}

    def _people(self) -> None:
        if self.how == "paused" and self.chance.random() < 0.3:
            self.paused = not self.paused
            self.generation += 1
        elif self.kind != "DaemonSet" and self.wanted and self.how != "partition" and self.chance.random() < 0.05:
            self.wanted = self.chance.randint(1, 5)
            self.generation += 1
        elif self.how == "OnDelete" and self.chance.random() < 0.5:
            old = [pod for pod in self.pods if not pod.new]
            if old:
                self.pods.remove(self.chance.choice(old))

    def _controller(self) -> None:
        """Do one thing, as the controller of the kind would."""
        {"Deployment": self._roll, "StatefulSet": self._in_order, "DaemonSet": self._in_order}[self.kind]()

    def _roll(self) -> None:
        """Make and remove pods within the surge; with Recreate, no new one beside an old one."""
        old, news = ([pod for pod in self.pods if pod.new is new] for new in (False, True))
        surge = {"Recreate": 0, "surge": self.wanted}.get(self.how, 1)
        spare = sum(pod.state == 2 for pod in self.pods) >= self.wanted
        if len(news) > self.wanted:
            self.pods.remove(news[-1])
        elif old and (self.how == "Recreate" or (spare and len(self.pods) > self.wanted)):
            self.pods.remove(old[0])
        elif len(news) < self.wanted and len(self.pods) < self.wanted + surge:
            self.pods.append(Pod(len(news), new=True, state=0))

    def _in_order(self) -> None:
        there = {pod.ordinal: pod for pod in self.pods}
        for number in range(self.wanted):
            if number not in there:
                self.pods.append(Pod(number, new=number >= self.partition, state=0))
                return
        if extra := [pod for pod in self.pods if pod.ordinal >= self.wanted]:
            self.pods.remove(extra[-1])
        elif self.how != "OnDelete" and all(pod.state == 2 for pod in self.pods):
            old = [pod for pod in self.pods if not pod.new and pod.ordinal >= self.partition]
            if old:
                self.pods.remove(max(old, key=lambda pod: pod.ordinal))

    def _report(self) -> None:
        """Say what there is now, and remember what is true of just that."""
        self.observed = self.generation
        self.gave_up = self.how == "stuck" and not self.paused and self.idle >= DEADLINE
        new, count = sum(pod.new for pod in self.pods), len(self.pods)
        ready, available = sum(pod.state > 0 for pod in self.pods), sum(pod.state == 2 for pod in self.pods)
        if self.kind == "DaemonSet":
            self.status = {
                "desiredNumberScheduled": self.wanted,
                "currentNumberScheduled": count,
                "updatedNumberScheduled": new,
                "numberReady": ready,
                "numberAvailable": available,
            }
            return
        self.status = {
            "replicas": count,
            "updatedReplicas": new,
            "readyReplicas": ready,
            "availableReplicas": available,
        }
        if self.kind == "StatefulSet":
            if self.how != "OnDelete" and not self.partition and self._complete():
                self.current = "b"
            self.status |= {"currentRevision": self.current, "updateRevision": "b"}
        elif self.gave_up:
            told = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "slow"}
            self.status["conditions"] = [told]

    def _complete(self) -> bool:
        """Whether each pod that is to be new is, and all that are wanted are there, available, and no other."""
        ordinals = sorted(pod.ordinal for pod in self.pods)
        right = ordinals == list(range(self.wanted)) if self.kind != "Deployment" else len(ordinals) == self.wanted
        return right and all(pod.state == 2 and (pod.new or pod.ordinal < self.partition) for pod in self.pods)

    def told(self) -> Truth:
        """Return the truth about what the controller last said, from the pods that it saw then."""
        if self.wanted == 0:
            return "nowhere" if self.kind == "DaemonSet" else "zero"
        if self.paused:
            return "paused"
        if self.gave_up:
            return "deadline"
        if self.how == "OnDelete" and not all(pod.new for pod in self.pods):
            return "by hand"
        if self.partition >= self.wanted:
            return "kept"
        return "go" if self._complete() else "wait"


def rollout(style: str, seed: int, steps: int = 40) -> Iterator[Version]:
    """Yield the versions of one rollout, each with the truth about it."""
    chance = random.Random(f"{style}-{seed}")  # noqa: S311 - no secret hangs on it
    none = style.endswith(("/zero", "/nowhere"))
    one = Rollout(style, chance, 0 if none else chance.randint(1, 5))
    one.partition = chance.randint(1, one.wanted + 1) if one.how == "partition" else 0
    one.pods = [Pod(number, new=False) for number in range(one.wanted)]
    one.status = {"replicas": one.wanted, "updatedReplicas": one.wanted, "readyReplicas": one.wanted}
    seen: Truth = "wait"
    for _ in range(steps):
        was = one.status
        one.step()
        if one.status is not was:
            seen = one.told()
        yield one.object(), seen if one.observed == one.generation else "wait"
