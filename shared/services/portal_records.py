"""What the portal holds of a project, with the versions that conditional writes name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from shared.model.experiments import Edit, Experiment
from shared.model.policies import PolicyBook
from shared.model.records import ABSENT, Put, Record, Write
from shared.ports.state import Store
from shared.rules.pushing import Move
from shared.rules.sync import Plan, Portal
from shared.services.tables import EDITS, EXPERIMENTS, POLICIES, Table, Versioned

T = TypeVar("T")
_PAGE: Final = 500


def listed(
    store: Store, table: Table[T], *parts: str, after: str | None = None, page: int = _PAGE
) -> Iterator[Versioned[T]]:
    """Yield all records of a partition by sort key, from beyond `after`; at most `page` of them are in memory."""
    yield from map(table.read, undecoded(store, table.partition(*parts), after, page))


def undecoded(store: Store, partition: str, after: str | None = None, page: int = _PAGE) -> Iterator[Record]:
    """Yield them as they are stored: one that cannot be read is in the way of no other."""
    found = store.query(partition, after=after, limit=page)
    yield from found
    while len(found) == page:
        found = store.query(partition, after=found[-1].key.sort, limit=page)
        yield from found


def open_edits(store: Store, project: str) -> list[Edit]:
    """Return the edits of a project that are not in git, oldest first."""
    return [row.value for row in listed(store, EDITS, project)]


@dataclass(frozen=True, slots=True)
class Holding:
    """A project's experiments, policies and open edits as they were read."""

    project: str
    experiments: dict[str, Versioned[Experiment]]
    policies: Versioned[PolicyBook]
    edits: tuple[Edit, ...] = ()

    @classmethod
    def read(cls, store: Store, project: str) -> Holding:
        """Read them all."""
        edits = tuple(open_edits(store, project))
        experiments = {row.value.id: row for row in listed(store, EXPERIMENTS, project)}
        return cls(project, experiments, POLICIES.load_or(store, PolicyBook(), project), edits)

    @property
    def portal(self) -> Portal:
        """The values alone."""
        experiments = tuple(row.value for row in self.experiments.values())
        return Portal(experiments, self.policies.value.policies, self.edits)

    def moves(self, plan: Plan) -> list[Move]:
        """Return what a plan does to each experiment, in the order of its `writes`; its offers come last."""
        was = {name: row.value for name, row in self.experiments.items()}
        gone = {one.path: one for one in plan.deletions}
        upserts = [Move(one, was.get(one.id), gone.get(one.path)) for one in plan.upserts]
        return upserts + [Move(None, one) for one in (*plan.deletions, *plan.offers)]

    def version(self, experiment: str) -> int:
        """Return the version that a write of the experiment names."""
        was = self.experiments.get(experiment)
        return was.version if was else ABSENT

    def writes(self, plan: Plan) -> Iterator[Write]:
        """Yield the writes of a plan's experiments; each holds only if nobody wrote it since it was read."""
        for experiment in plan.upserts:
            expected = self.version(experiment.id)
            yield EXPERIMENTS.put(experiment, self.project, experiment.id, expected=expected)
        for experiment in plan.deletions:
            yield EXPERIMENTS.delete(self.project, experiment.id, expected=self.version(experiment.id))

    def policy_writes(self, plan: Plan) -> list[Put]:
        """Return the write of a plan's policies, if they change."""
        return [] if plan.policies is None else [POLICIES.replace(self.policies, PolicyBook(plan.policies))]
