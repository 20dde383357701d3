"""Workloads as they were seen, and the changes between two sightings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import msgspec

Operation = Literal["CREATE", "UPDATE", "DELETE"]
Source = Literal["admission", "audit", "heartbeat"]

GITOPS = "litmuschaos.io/gitops"
WORKFLOW = "litmuschaos.io/workflow"
EXPERIMENT_ID = "litmuschaos.io/experimentId"
COMMIT = "litmuschaos.io/commit"


def subject_of(kind: str, namespace: str, name: str) -> str:
    """Return a workload as the ledger names it, `<Kind>/<namespace>/<name>` (CONTRACT)."""
    return f"{kind}/{namespace}/{name}"


class Workload(msgspec.Struct, frozen=True, order=True):
    """A watched object's place in one cluster."""

    cluster: str
    kind: str
    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """The ledger's name of it."""
        return subject_of(self.kind, self.namespace, self.name)


class Shown(msgspec.Struct, frozen=True):
    """What the key of a policy finds in a sealed side: its seal (empty for nothing), and the value itself if `told`."""

    seal: str
    told: bool = False
    value: Any = None


class Side(msgspec.Struct, frozen=True):
    """One sight of an object: what counts of it, without status and managedFields.

    `content` is the object as the API server sent it, less `status`, `metadata.managedFields` and kubectl's
    last-applied annotation, with a Secret's values sealed;
    `digest` is the SHA-256 of its RFC 8785 JSON outside metadata and status, in hex.
    A `Scale` has no generation and only `spec.replicas`: `partial` says that this came from one, alone or joined into
    the workload that is tracked.
    `sealed` names the key under which the values outside metadata were sealed before they left their cluster, empty if
    they were not; `shown` is then what policies' keys found in the object, by key. `under` names the key of what is
    sealed wherever it is seen, empty for other kinds and where only one key ever was.
    """

    uid: str
    content: dict[str, Any]
    digest: str
    generation: int | None = None
    partial: bool = False
    sealed: str = ""
    shown: dict[str, Shown] = {}
    under: str = ""

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations, empty where it has none."""
        found: dict[str, str] = (self.content.get("metadata") or {}).get("annotations") or {}
        return found

    @property
    def watched(self) -> bool:
        """Whether the object opts in with `litmuschaos.io/gitops: "true"`."""
        return self.annotations.get(GITOPS) == "true"

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiment ids that the annotations name, in order, without repeats."""
        annotations = self.annotations
        return _parted(f"{annotations.get(WORKFLOW, '')},{annotations.get(EXPERIMENT_ID, '')}")


@lru_cache(1024)
def _parted(named: str) -> tuple[str, ...]:
    """Return the names that commas part, for each of the many policies that ask."""
    return tuple(dict.fromkeys(part.strip() for part in named.split(",") if part.strip()))


class Sighting(msgspec.Struct, frozen=True):
    """One verified signal about one workload, from any source; `at` is RFC 3339 UTC.

    `id` is the review's request uid or the audit event's auditID. `old` is known to admission only. `autoscaled` says
    that an autoscaler targets the workload, where the signal names no actor. `traceparent` is the trace context of the
    call that brought it, empty where that bore none.
    An admission's `new` is a candidate (it precedes persistence); every other side is a fact.
    """

    id: str
    source: Source
    operation: Operation
    workload: Workload
    actor: str
    at: str
    old: Side | None = None
    new: Side | None = None
    actor_groups: tuple[str, ...] = ()
    autoscaled: bool = False
    traceparent: str = ""


class KeptReview(msgspec.Struct, frozen=True):
    """An AdmissionReview that is yet to be decided on: what we read of it, and when it came (RFC 3339 UTC).

    `project` and `registered_as` are those of its cluster then.
    """

    at: str
    project: str
    registered_as: int
    body: msgspec.Raw
    traceparent: str = ""


class Changed(msgspec.Struct, frozen=True):
    """A field that a change moved: a JMESPath into the object, and the new value's digest (RFC 8785, SHA-256 hex).

    A field that is gone has the digest of `null`.
    """

    path: str
    digest: str


class Claim(msgspec.Struct, frozen=True):
    """A change that a review told of, and that no fact has shown yet: it may have been denied, or be tried again.

    `change` is the ledger's id of what it started and `experiments` are what that was, both empty where it was nothing.
    """

    changed: tuple[Changed, ...]
    at: str
    change: str = ""
    experiments: tuple[str, ...] = ()


class Harm(msgspec.Struct, frozen=True):
    """A field that the chaos of `run` moved: the digests of its values before, and since (as in `Changed`)."""

    path: str
    before: str
    after: str
    run: str


class Tracked(msgspec.Struct, frozen=True):
    """What is known of a watched workload: the last fact, the last candidate if it is newer, and what was seen.

    `seen` holds the newest sighting ids and `<generation>:<digest>` marks, oldest first, at most `SEEN_LIMIT`.
    `past` holds digests of earlier states, so that a rollback is recognised. `claims` are those that no fact has shown
    yet, oldest first; `told` has a `<generation>:<digest>` for each field of a change that facts have shown since.
    `harms` are the fields that chaos moved and nobody has moved elsewhere since. `former` is the last fact of an object
    that bore the name before, until the creation of the one in its place is a fact.
    """

    workload: Workload
    fact: Side | None = None
    candidate: Side | None = None
    at: str = ""
    deleted_at: str | None = None
    seen: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    told: tuple[str, ...] = ()
    harms: tuple[Harm, ...] = ()
    former: Side | None = None


SEEN_LIMIT = 64


class Change(msgspec.Struct, frozen=True):
    """Old to new of one watched workload, ready to be decided on. `old` is None at a CREATE.

    `undoes` names the run whose chaos it takes back, and does nothing else.
    """

    workload: Workload
    source: Source
    operation: Operation
    actor: str
    at: str
    new: Side
    old: Side | None = None
    changed: tuple[Changed, ...] = ()
    metadata_changed: tuple[Changed, ...] = ()
    rollback: bool = False
    actor_groups: tuple[str, ...] = ()
    autoscaled: bool = False
    undoes: str = ""
