"""The record of a portal edit, from its beginning to its end, and what its experiment shows meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict
from shared.model.experiments import Edit, Experiment, SyncState
from shared.model.policies import Policy
from shared.model.records import ABSENT, Write
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.edits import blob_id, marked, unmarked
from shared.rules.identity import File, Identity
from shared.rules.pushing import Move
from shared.rules.sync import experiment_of
from shared.services.accepting import Accepting
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty_writes
from shared.services.ledger import Ledger, message, stamp
from shared.services.ordering import Work
from shared.services.portal_records import open_edits
from shared.services.starts import Starts
from shared.services.tables import BLOBS, EDITS, EXPERIMENTS, PROJECTS, SYNCS, Versioned
from shared.wire.files import read_file

_LATER: Final = 30.0
"""Seconds until the queue looks after an edit whose own request may have died on its way."""

Show = Callable[[Experiment | None, list[Edit]], Experiment | None]
"""Makes what the portal shows out of what it showed and the other open edits of the experiment."""


class _Step(msgspec.Struct, frozen=True):
    """One step of an edit: the record that stays of it (None: none), and the ledger's words.

    `version` is that of the record which it was decided on, where another may have decided, too.
    """

    edit: Edit
    kept: Edit | None
    verdict: str
    reason: str
    links: tuple[tuple[str, str], ...] = ()
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EditRecords:
    """Each step is one commit, conditional on what it was decided on; a step that another worker took is nothing."""

    store: Store
    clock: Clock
    ids: Ids

    def begin(self, edit: Edit) -> None:
        """Record an edit before git is asked, so that none is lost on the way."""
        look = message(self.ids, "sync", "edit", delay=_LATER, project=edit.project, edit=edit.id)
        text = [] if edit.text is None else [BLOBS.put(edit.text, edit.project, blob_id(edit.text))]
        self.store.commit([EDITS.put(edit, edit.project, edit.id, expected=ABSENT), *text], [look])

    def again(self, was: Versioned[Edit], edit: Edit) -> None:
        """Send a kept edit on its way once more, as somebody settled it: `Stale` if another did meanwhile."""
        look = message(self.ids, "sync", "edit", delay=_LATER, project=edit.project, edit=edit.id)
        text = [] if edit.text is None else [BLOBS.put(edit.text, edit.project, blob_id(edit.text))]
        self.store.commit([EDITS.replace(was, edit), *text], [look])

    def committed(self, edit: Edit, commit: str, *, merged: bool = False) -> Experiment | None:
        """The edit is in git, `merged` with what git held: show it."""

        def show(was: Experiment | None, others: list[Edit]) -> Experiment | None:
            return None if edit.text is None else marked(self._of(edit, was, commit), others)

        how = ", merged with what had changed there" if merged else ""
        reason = f"{edit.path} is in git as of commit {commit[:12]}{how}"
        verdict = "merged" if merged else "committed"
        return self._take(_Step(edit, None, verdict, reason, (("commit", commit),)), show)

    def wait(self, edit: Edit, why: str) -> Experiment | None:
        """Git is away: show the edit as pending."""
        return self._take(_Step(edit, edit, "pending", f"{edit.path} waits for git: {why}"), self._with(edit))

    def proposed(self, edit: Edit) -> Experiment | None:
        """The edit is in a pull request: show it as pending until that is merged or closed."""
        assert edit.commit is not None, "what is proposed is a commit"
        reason = f"{edit.path} waits for pull request #{edit.pull}"
        links = (("commit", edit.commit), ("pull", str(edit.pull)))
        return self._take(_Step(edit, edit, "proposed", reason, links), self._with(edit))

    def keep(self, edit: Edit, why: str, git: str | None) -> None:
        """The edit does not go, or does not fit what git holds by now (blob `git`): keep it for a person to settle."""
        kept = msgspec.structs.replace(edit, state="conflict", problem=why, git=git)
        self._take(_Step(edit, kept, "conflict", why), lambda was, others: marked(was, [*others, kept]))

    def resume(self, edit: Edit, why: str) -> None:
        """The edit has no pull request any more: let it set out anew."""
        again = msgspec.structs.replace(edit, state="pending", commit=None, branch=None, pull=None, onto=None)
        self._take(_Step(edit, again, "pending", f"{why}: the edit is sent anew"), self._with(again))

    def drop(self, edit: Edit, why: str, verdict: str = "refused") -> Experiment | None:
        """Nothing stays of the edit but the ledger's row, and whoever cares is told."""
        return self._take(_Step(edit, None, verdict, why), marked)

    def abandon(self, was: Versioned[Edit], why: str) -> None:
        """A person decided for git's side of a conflict: `Conflict` if another settled it meanwhile."""
        self._take(_Step(was.value, None, "settled", why, version=was.version), marked)

    def _with(self, edit: Edit) -> Show:
        def show(was: Experiment | None, others: list[Edit]) -> Experiment | None:
            return marked(was or self._of(edit, None, ""), [*others, edit])

        return show

    def _take(self, step: _Step, show: Show) -> Experiment | None:
        return until_fresh(lambda: self._try(step, show))

    def _try(self, step: _Step, show: Show) -> Experiment | None:
        edit = step.edit
        record = EDITS.load(self.store, edit.project, edit.id)
        was = EXPERIMENTS.load(self.store, edit.project, edit.experiment)
        before = None if was is None else was.value
        if record is None:
            return before
        if step.version not in {None, record.version}:
            raise Conflict(f"conflict {edit.id!r} was settled by somebody else meanwhile")
        others = [
            other
            for other in open_edits(self.store, edit.project)
            if other.experiment == edit.experiment and other.id != edit.id
        ]
        shown = show(before, others)
        state = SYNCS.load_or(self.store, SyncState(), edit.project)
        touched = msgspec.structs.replace(state, value=msgspec.structs.replace(state.value, touched=True))
        writes, messages = dirty_writes(touched, self.ids, edit.project, edit.traceparent)
        started = self._started(edit, Move(shown, before))
        writes += [*started.writes, _end(record, step), *_experiment(edit, was, shown), self._row(step)]
        self.store.commit(writes, [*messages, *started.messages])
        return shown

    def _started(self, edit: Edit, move: Move) -> Work:
        """Return what an edit that became a commit starts: it counts as a push by its author."""
        found = PROJECTS.load(self.store, edit.project)
        setting = found.value.gitops.run_on_push if found and found.value.gitops else None
        parts = (self.store, self.clock, self.ids, edit.traceparent)
        [start] = Starts(*parts).along(edit.project, setting, [move])
        [schedule] = Accepting(*parts).along(edit.project, [move], importing=False)
        return start + schedule

    def _row(self, step: _Step) -> Write:
        edit = step.edit
        _, row = Ledger(self.clock, self.ids).row(
            edit.project,
            "edit",
            verdict=step.verdict,
            reason=step.reason,
            subject=edit.path,
            detail={"author": edit.author, "removes": edit.text is None, "base": edit.base},
            links=[("experiment", edit.experiment), ("edit", edit.id), *step.links],
        )
        return row

    def _of(self, edit: Edit, was: Experiment | None, commit: str) -> Experiment | None:
        """Return what the edit makes of its experiment, once it is in git at `commit` ("": not yet)."""
        if edit.text is None:
            return was
        read = read_file(edit.path, edit.text)
        assert not isinstance(read, Policy), "only experiments are saved"
        file = File(edit.path, blob_id(edit.text), read)
        return experiment_of(file, Identity(edit.experiment), was and unmarked(was), commit, stamp(self.clock))


def _end(record: Versioned[Edit], step: _Step) -> Write:
    if step.kept is not None:
        return EDITS.replace(record, step.kept)
    return EDITS.delete(step.edit.project, step.edit.id, expected=record.version)


def _experiment(edit: Edit, was: Versioned[Experiment] | None, shown: Experiment | None) -> list[Write]:
    version = was.version if was else ABSENT
    if shown is None:
        return [EXPERIMENTS.delete(edit.project, edit.experiment, expected=version)] if was else []
    text = [BLOBS.put(edit.text, edit.project, shown.blob)] if edit.text and blob_id(edit.text) == shown.blob else []
    return [EXPERIMENTS.put(shown, edit.project, edit.experiment, expected=version), *text]
