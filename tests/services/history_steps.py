"""The steps of a history: who asks for what, what becomes of it, and which of its signals come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from hypothesis import strategies as st

from shared.model.changes import GITOPS
from shared.rules.digests import digest
from shared.rules.paths import value_at
from tests.services.api_writes import ApiWrites, Json, Written

Verb = Literal[
    "image", "env", "scale", "replicas", "restart", "note", "label", "status", "recreate", "opt out", "restore"
]
Fate = Literal[
    "persisted", "denied", "dry run", "tried again", "raced", "reverted", "by chaos", "undone chaos", "by an autoscaler"
]

IMAGE = "spec.template.spec.containers[0].image"
ENV = "spec.template.spec.containers[0].env[0].value"
REPLICAS = "spec.replicas"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
RESTART = f'spec.template.metadata.annotations."{RESTARTED}"'
RACER = "spec.template.metadata.annotations.racer"
Field = tuple[str, str]
FIRST = 10
"""The number in what the workload begins with; each step makes the next one, so that no two changes are alike."""


class Step(msgspec.Struct, frozen=True):
    """One request. `pause` is how long nothing follows; with 0 the next one comes before anybody looked at this.

    `told` says by what the portal learns of it: reviews, audit events, both, or a heartbeat alone. `late` audit events
    come after the next step's. Unless it is `quick`, its reviews are decided on when messages are worked off next.
    """

    verb: Verb
    fate: Fate = "persisted"
    told: Literal["reviews", "audit", "both", "heartbeat"] = "both"
    times: int = 1
    late: bool = False
    beat: bool = False
    pause: float = 10
    latency: float = 0
    quick: bool = True

    @property
    def one_sided(self) -> bool:
        """Whether its signals show what it led to, and not what was there before."""
        return self.told in {"audit", "heartbeat"}

    @property
    def unheard(self) -> bool:
        """Whether nothing tells of it before the next step."""
        return self.late and self.told == "audit"


VERBS: tuple[Verb, ...] = (
    "image", "image", "env", "scale", "scale", "replicas", "restart", "note", "label", "status", "recreate", "opt out",
    "restore",
)  # fmt: skip
FATES: tuple[Fate, ...] = (
    "persisted", "persisted", "persisted", "denied", "dry run", "tried again", "raced", "reverted", "by chaos",
    "undone chaos", "by an autoscaler",
)  # fmt: skip


def histories(most: int) -> st.SearchStrategy[list[Step]]:
    """Draw the steps of a history."""
    step = st.builds(
        Step,
        verb=st.sampled_from(VERBS),
        fate=st.sampled_from(FATES),
        told=st.sampled_from(["reviews", "audit", "both", "both", "heartbeat"]),
        times=st.integers(1, 2),
        late=st.booleans(),
        quick=st.booleans(),
        beat=st.booleans(),
        pause=st.sampled_from([0, 0, 5, 20, 45, 70]),
        latency=st.sampled_from([0, 0, 3, 30, 59, 61, 75, 95]),
    )
    return st.lists(step, min_size=1, max_size=most)


def field_of(step: Step, number: int) -> Field:
    fields: dict[str, tuple[str, Any]] = {
        "image": (IMAGE, f"web:{number}"),
        "env": (ENV, str(number)),
        "scale": (REPLICAS, number),
        "replicas": (REPLICAS, number),
        "restart": (RESTART, str(number)),
    }
    path, value = fields[step.verb]
    return path, digest(value)


def field_in(document: Json, step: Step) -> Field:
    """Return the field that a step is about as it stands in a document."""
    path, _ = field_of(step, 0)
    return path, digest(value_at(document, path))


def moved(before: Json, after: Json) -> list[Field]:
    """Return the fields that differ, as they are after."""
    fields = [(path, digest(value_at(after, path))) for path in (IMAGE, ENV, REPLICAS, RESTART, RACER)]
    return [(path, there) for path, there in fields if there != digest(value_at(before, path))]


def imaged(number: int) -> Json:
    container = {"name": "web", "image": f"web:{number}", "env": [{"name": "MODE", "value": "0"}]}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def annotated(gitops: str | None) -> Json:
    return {"metadata": {"annotations": {GITOPS: gitops}}}


def unversioned(document: Json) -> Json:
    return document | {"metadata": {key: one for key, one in document["metadata"].items() if key != "resourceVersion"}}


def _replaced(where: str, value: Any) -> list[Json]:
    return [{"op": "replace", "path": f"/spec/template/spec/containers/0/{where}", "value": value}]


PERSISTED: Final = frozenset({"persisted", "tried again"})
QUIET: Final = frozenset({"note", "label", "status"})
SCALES: Final = frozenset({"scale", "replicas"})
WHOLE: Final = frozenset({"recreate", "opt out", "restore"})
WRITES: Final[dict[str, Callable[[ApiWrites, int, Json], Written]]] = {
    "image": lambda api, n, how: api.patch(_replaced("image", f"web:{n}"), media="json", **how),
    "env": lambda api, n, how: api.patch(_replaced("env/0/value", str(n)), media="json", **how),
    "scale": lambda api, n, how: api.patch({"spec": {"replicas": n}}, below="/scale", **how),
    "replicas": lambda api, n, how: api.patch({"spec": {"replicas": n}}, **how),
    "restart": lambda api, n, how: api.patch(
        {"spec": {"template": {"metadata": {"annotations": {RESTARTED: str(n)}}}}}, **how
    ),
    "note": lambda api, n, how: api.patch({"metadata": {"annotations": {"note": str(n)}}}, **how),
    "label": lambda api, n, how: api.patch({"metadata": {"labels": {"tier": str(n)}}}, **how),
    "status": lambda api, n, how: api.patch({"status": {"observedGeneration": n}}, below="/status", **how),
}
