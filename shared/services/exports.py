"""Brings what only the portal has into git, in one commit or one pull request, or drops it, as a person decides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict, Invalid, Protected
from shared.model.experiments import Draft, Edit
from shared.model.projects import GitOps
from shared.model.records import Write
from shared.ports.ambient import Clock, Ids
from shared.ports.git import GitRemote
from shared.ports.state import Store
from shared.rules.edits import blob_id
from shared.rules.offers import clashes, export_of, place_in
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty
from shared.services.landing import Landing
from shared.services.ledger import Ledger, stamp
from shared.services.offers import offers_of
from shared.services.proposals import BRANCHES
from shared.services.repositories import Repositories
from shared.services.tables import EDITS, EXPERIMENTS

_TRIES: Final = 5


class Wanted(msgspec.Struct, frozen=True):
    """Which offers are meant: experiments by id and policies by path; all, if neither is named."""

    experiments: tuple[str, ...] | None = None
    policies: tuple[str, ...] | None = None

    def names(self, edit: Edit) -> bool:
        """Whether an offer is meant."""
        if self.experiments is None and self.policies is None:
            return True
        return edit.experiment in (self.experiments or ()) if edit.experiment else edit.path in (self.policies or ())


class Exported(msgspec.Struct, frozen=True):
    """What went into git: at `commit`, or in pull request `pull`, which is still to be merged."""

    edits: tuple[Edit, ...]
    commit: str | None = None
    pull: int | None = None


@dataclass(frozen=True, slots=True)
class Exports:
    """The offers of a project. Git says when one is over: the sync that finds it there ends it."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def export(self, project: str, gitops: GitOps, wanted: Wanted, author: str, traceparent: str = "") -> Exported:
        """Commit what is meant, all or nothing: `Conflict` where git holds something else in its place."""
        edits = self._meant(project, wanted)
        if not edits:
            return Exported(())
        remote = self.repositories.of(gitops)
        if gitops.write_back == "pull_request":
            done = self._propose(remote, project, gitops, edits, author)
        else:
            done = self._commit(remote, project, gitops, edits, author)
        until_fresh(lambda: self._record(project, done, author, traceparent))
        return done

    def drop(self, project: str, wanted: Wanted, author: str) -> tuple[Edit, ...]:
        """Forget what is meant."""
        edits = self._meant(project, wanted)
        for edit in edits:
            until_fresh(lambda edit=edit: self._drop(edit, author))  # type: ignore[misc]
        return tuple(edits)

    def _meant(self, project: str, wanted: Wanted) -> list[Edit]:
        offers = offers_of(self.store, project)
        experiments = {edit.experiment for edit in offers if edit.experiment}
        policies = {edit.path for edit in offers if not edit.experiment}
        unknown = [*({*(wanted.experiments or ())} - experiments), *({*(wanted.policies or ())} - policies)]
        if unknown:
            raise Invalid(f"{min(unknown)[:200]!r} is not among what only the portal has: list that with GET")
        return [edit for edit in offers if wanted.names(edit)]

    def _commit(self, remote: GitRemote, project: str, gitops: GitOps, edits: Sequence[Edit], author: str) -> Exported:
        def once() -> Exported:
            head = Landing(self.store).head(remote, gitops, project)
            placed, draft = self._draft(remote, gitops, head, edits, author)
            return Exported(placed, remote.commit_files(gitops.branch, head, draft))

        try:
            return until_fresh(once, _TRIES)
        except Protected:
            if self.repositories.host(gitops) is None:
                raise
            return self._propose(remote, project, gitops, edits, author)

    def _propose(self, remote: GitRemote, project: str, gitops: GitOps, edits: Sequence[Edit], author: str) -> Exported:
        """Open a pull request; exporting the same again finds the branch, and the request, that are there."""
        host = self.repositories.host(gitops)
        if host is None:
            raise Conflict("write_back is pull_request, which needs provider github or gitlab: plain git has none")
        head = Landing(self.store).head(remote, gitops, project)
        placed, draft = self._draft(remote, gitops, head, edits, author)
        branch = f"{BRANCHES}export-{_digest(draft)}"
        if remote.head(branch) is None:
            remote.commit_files(branch, None, draft, head)
        title, _, body = draft.message.partition("\n\n")
        return Exported(placed, pull=host.propose(branch, gitops.branch, title, body).number)

    def _draft(
        self, remote: GitRemote, gitops: GitOps, head: str | None, edits: Sequence[Edit], author: str
    ) -> tuple[tuple[Edit, ...], Draft]:
        files = {} if head is None else remote.files(head, gitops.path)[1]
        placed = _placed(edits, gitops.path, files)
        if found := clashes(placed, files):
            raise Conflict(f"git holds another {found[0]} by now: let it sync, then export what is still offered")
        return placed, export_of(placed, author, stamp(self.clock))

    def _record(self, project: str, done: Exported, author: str, traceparent: str) -> None:
        writes, messages = dirty(self.store, self.ids, project, traceparent)
        where = f"commit {done.commit[:12]}" if done.commit else f"pull request #{done.pull}"
        reason = f"{len(done.edits)} files that only the portal had are in {where}"
        links = [("edit", edit.id) for edit in done.edits[:50]]
        links += [("commit", done.commit)] if done.commit else [("pull", str(done.pull))]
        self.store.commit([*writes, self._row(project, "exported", reason, author, links)], messages)

    def _drop(self, edit: Edit, author: str) -> None:
        was = EXPERIMENTS.load(self.store, edit.project, edit.experiment) if edit.experiment else None
        gone: list[Write] = [EDITS.delete(edit.project, edit.id)]
        if was and not was.value.commit:
            gone.append(EXPERIMENTS.delete(edit.project, edit.experiment, expected=was.version))
        links = [("edit", edit.id)] + ([("experiment", edit.experiment)] if edit.experiment else [])
        row = self._row(edit.project, "dropped", f"{edit.path} is dropped: only the portal had it", author, links)
        self.store.commit([*gone, row])

    def _row(self, project: str, verdict: str, reason: str, author: str, links: list[tuple[str, str]]) -> Write:
        ledger = Ledger(self.clock, self.ids)
        _, row = ledger.row(
            project, "edit", verdict=verdict, reason=reason, subject=project, detail={"author": author}, links=links
        )
        return row


def _placed(edits: Sequence[Edit], folder: str, files: Mapping[str, str]) -> tuple[Edit, ...]:
    """Return the offers where they go in the folder that is followed now; those of another find a free path there."""
    taken: set[str] = set()
    placed = []
    for edit in edits:
        others = {path for path, blob in files.items() if blob != blob_id(edit.text or b"")}
        path = place_in(folder, edit.path, taken)
        path = path if path == edit.path else place_in(folder, edit.path, taken | others)
        taken.add(path)
        placed.append(msgspec.structs.replace(edit, path=path))
    return tuple(placed)


def _digest(draft: Draft) -> str:
    named = "\n".join(f"{path} {blob_id(text or b'')}" for path, text in sorted(draft.changes.items()))
    return hashlib.sha256(named.encode()).hexdigest()[:16]
