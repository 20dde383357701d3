"""Keeps what a newly followed place lacks as offers, and ends those that have arrived in git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from shared.model.experiments import Edit, Experiment
from shared.model.records import Put, Write
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.edits import blob_id, marked
from shared.rules.offers import ONLY_HERE, offered, place_in
from shared.rules.sync import Plan, Tree
from shared.services.ledger import Ledger, stamp
from shared.services.ordering import Work
from shared.services.portal_records import Holding, open_edits
from shared.services.tables import BLOBS, EDITS, EXPERIMENTS

_NOBODY = "litmus-gitops <litmus-gitops@litmus-gitops.invalid>"


def offers_of(store: Store, project: str) -> list[Edit]:
    """Return what is offered of a project, oldest first."""
    return [edit for edit in open_edits(store, project) if edit.state == "offered"]


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one project, as one sync of it into `folder` finds them."""

    store: Store
    clock: Clock
    ids: Ids
    project: str
    folder: str

    def made(self, tree: Tree, holding: Holding, plan: Plan) -> Iterator[Work]:
        """Yield what keeps each thing that the tree lacks; what is offered already is not offered again."""
        known = offers_of(self.store, self.project)
        taken = {*tree.files, *(edit.path for edit in known), *(one.path for one in plan.upserts)}
        for experiment in plan.offers:
            yield self._experiment(experiment, self._place(experiment.path, taken), holding.version(experiment.id))
        policies = {(edit.text, edit.experiment) for edit in known}
        for policy in plan.offered_policies:
            text = self._text(policy.blob)
            if text is not None and (text, "") not in policies:
                yield Work((self._edit("", self._place(policy.path or "", taken), text),))

    def _place(self, path: str, taken: set[str]) -> str:
        found = place_in(self.folder, path, taken)
        taken.add(found)
        return found

    def _experiment(self, experiment: Experiment, path: str, version: int) -> Work:
        text = self._text(experiment.blob)
        if text is None:
            why = f"{experiment.path} is not in the place that is followed now, and its text is not kept here"
            gone = EXPERIMENTS.delete(self.project, experiment.id, expected=version)
            return Work((gone, self.row(experiment.id, experiment.path, "dropped", why)))
        shown = EXPERIMENTS.put(
            offered(experiment, path, stamp(self.clock)), self.project, experiment.id, expected=version
        )
        return Work((shown, self._edit(experiment.id, path, text)))

    def _text(self, blob: str | None) -> bytes | None:
        found = BLOBS.load(self.store, self.project, blob) if blob else None
        return found.value if found else None

    def _edit(self, experiment: str, path: str, text: bytes) -> Put:
        edit = Edit(self.ids(), self.project, experiment, path, text, None, _NOBODY, stamp(self.clock), "offered")
        return EDITS.put(msgspec.structs.replace(edit, problem=ONLY_HERE), self.project, edit.id)

    def settled(self, tree: Tree, holding: Holding, plan: Plan) -> tuple[Plan, dict[str, Work]]:
        """Return the plan without the marks of offers that git has by now, and what ends each of them, by experiment.

        What ends a policy's offer stands under its edit's id.
        """
        edits = open_edits(self.store, self.project)
        after = {name: row.value for name, row in holding.experiments.items()} | {one.id: one for one in plan.upserts}
        ends: dict[str, Work] = {}
        shown: dict[str, Experiment] = {}
        for edit in (edit for edit in edits if edit.state == "offered"):
            now = after.get(edit.experiment)
            if not _over(edit, now, tree.files):
                continue
            ends[edit.experiment or edit.id] = self._end(edit, now, tree)
            if now is not None:
                shown[now.id] = _unoffered(now, edits) or now
        upserts = tuple(shown.pop(one.id, one) for one in plan.upserts) + tuple(shown.values())
        return msgspec.structs.replace(plan, upserts=upserts), ends

    def _end(self, edit: Edit, now: Experiment | None, tree: Tree) -> Work:
        same = edit.text is not None and blob_id(edit.text) in {now.blob if now else "", tree.files.get(edit.path)}
        how = "as it was offered" if same else "and what git has counts"
        gone = f"{edit.path} is no longer offered, since its experiment was removed"
        why = gone if edit.experiment and now is None else f"{edit.path} is in git by now, {how}"
        row = self.row(edit.experiment or edit.id, edit.path, "settled", why, edit.id, tree.commit)
        return Work((EDITS.delete(self.project, edit.id), row))

    def row(  # noqa: PLR0913, PLR0917 - a row's columns
        self, record: str, path: str, verdict: str, why: str, edit: str = "", commit: str = ""
    ) -> Write:
        """Return the ledger's row on an offer."""
        links = (("experiment", record), ("edit", edit), ("commit", commit))
        _, row = Ledger(self.clock, self.ids).row(
            self.project,
            "edit",
            verdict=verdict,
            reason=why,
            subject=path,
            links=[(rel, name) for rel, name in links if name],
        )
        return row


def _over(edit: Edit, now: Experiment | None, files: Mapping[str, str]) -> bool:
    """Whether an offer has nothing left to offer: git has it, or its experiment was removed."""
    if edit.experiment:
        return now is None or bool(now.commit)
    return edit.path in files or blob_id(edit.text or b"") in files.values()


def _unoffered(now: Experiment, edits: Sequence[Edit]) -> Experiment | None:
    return marked(now, [edit for edit in edits if edit.experiment == now.id and edit.state != "offered"])
