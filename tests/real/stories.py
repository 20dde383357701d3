"""One workload's life on two clusters that are one API server: what was done to it, and what the ledger told of it."""

from collections.abc import Callable
from typing import Any

from tests.real.people import MERGE, Refused, Workload
from tests.real.portals import LocalPortal
from tests.real.waiting import eventually

Act = Callable[[Workload], object]
Row = tuple[str, str, tuple[str, ...]]
"""Verdict, rule, and of what triggered the fields that changed, metadata left out."""

SOURCES = {"reviewed": "admission", "audited": "audit"}
"""How each of the two clusters is heard."""


def triggered(*changed: str) -> Row:
    """Return the row of a change that starts something."""
    return "triggered", "default", changed


def ignored(rule: str) -> Row:
    """Return the row of a change that starts nothing, by the rule that says so."""
    return "ignored", rule, ()


def ledger(portal: LocalPortal, subject: str, cluster: str) -> list[Row]:
    """What the public API tells of the workload on one of the clusters, oldest first; each by its own source."""
    rows = [row for row in portal.rows("/events", kind="change", workload=subject) if _cluster(row) == cluster]
    assert {row["detail"]["source"] for row in rows} <= {SOURCES[cluster]}
    assert all(row["reason"] for row in rows)
    return [_row(row) for row in rows]


def _cluster(row: dict[str, Any]) -> str:
    return str(row["detail"]["cluster"])


def _row(row: dict[str, Any]) -> Row:
    detail = row["detail"]
    fields = [path for path in detail["changed"] if not path.startswith("metadata.")]
    return row["verdict"], detail["rule"], tuple(fields) if row["verdict"] == "triggered" else ()


class Story:
    """One workload's life; each act is awaited in the ledger before the next, and the end shows that no more came."""

    def __init__(self, portal: LocalPortal, one: Workload) -> None:
        self.one = one
        self._portal = portal
        self.expected: dict[str, list[Row]] = {cluster: [] for cluster in SOURCES}
        self.act(Workload.create, ignored("create"))

    def act(self, act: Act, row: Row | None, *clusters: str) -> None:
        """Do it; the row is expected of the clusters, of both unless they are named."""
        act(self.one)
        for cluster in (clusters or SOURCES) if row else ():
            self.expected[cluster].append(row)  # type: ignore[arg-type]
            eventually(lambda told=cluster: self._has(told), f"{row} of {self.one.subject}, {cluster}")  # type: ignore[misc]

    def ended(self) -> dict[str, list[Row]]:
        """Delete it, and return all that was told."""
        self.act(Workload.delete, ignored("deleted"))
        return {cluster: ledger(self._portal, self.one.subject, cluster) for cluster in SOURCES}

    def _has(self, cluster: str) -> bool:
        return len(ledger(self._portal, self.one.subject, cluster)) >= len(self.expected[cluster])


def put_replicas(one: Workload) -> None:
    """Replace the whole object, as a client does that read it first."""
    path = f"{one.collection}/{one.name}"
    found = one.person.call("GET", path)
    found["spec"]["replicas"] = 5
    one.person.call("PUT", path, found)


def patch_an_old_version(one: Workload) -> None:
    """Try to change what somebody else changed meanwhile."""
    _refused(one, 409, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}})


def patch_nonsense(one: Workload) -> None:
    """Try what the API server itself refuses."""
    _refused(one, 422, {"spec": {"replicas": -1}})


def move_the_status(one: Workload) -> None:
    """Do as the workload's controller does."""
    status = {"status": {"replicas": 2, "observedGeneration": 1}}
    one.person.call("PATCH", f"{one.collection}/{one.name}/status", status, MERGE)


def apply_anew(one: Workload) -> None:
    """Apply what is there already."""
    one.apply(one.manifest())


def _refused(one: Workload, status: int, patch: object) -> None:
    try:
        one.patch(patch)
    except Refused as refused:
        if refused.status == status:
            return
        raise
    raise RuntimeError(f"{patch} of {one.subject} was not refused")
