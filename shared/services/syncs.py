"""git → portal: makes a project's experiments and policies equal to the head of its branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError, NotFound, NotYet, Stale
from shared.model.experiments import SyncState
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.model.records import Put, Write
from shared.ports.ambient import Clock, Ids
from shared.ports.git import GitRemote
from shared.ports.state import Store
from shared.rules.sync import Plan, Reading, Tree, plan_portal, unread
from shared.services.accepting import Accepting
from shared.services.batches import batched, batches, bundles
from shared.services.concerns import reached
from shared.services.dirt import dirty_writes
from shared.services.leases import Leases
from shared.services.ledger import Ledger, stamp
from shared.services.offers import Offers
from shared.services.ordering import Work
from shared.services.portal_records import Holding
from shared.services.repositories import Repositories
from shared.services.starts import Starts
from shared.services.sync_ledger import degrade, synced_row
from shared.services.tables import BLOBS, PROJECTS, SYNCS, Lease, Versioned, unchanged
from shared.wire.files import read_file
from shared.wire.yaml import MAX_BYTES

__all__ = ["Syncs", "dirty_writes"]

LEASE: Final = 120.0
"""Seconds that one sync may hold a project; its writes are fenced, so a slower one does no harm."""

_PASSES: Final = 10
_BLOBS: Final = 10_000
"""Files read at a time: in one request all that a push may change, and yet not more than fits in memory."""


class _Work(msgspec.Struct, frozen=True):
    """One pass over a project: its settings and state as they were when it began, under this lease."""

    project: str
    gitops: GitOps
    state: Versioned[SyncState]
    lease: Versioned[Lease]

    @property
    def importing(self) -> bool:
        """Whether this place was never followed to its head: it runs nothing, and what it lacks is offered."""
        return self.state.value.commit is None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a pass found at the head: without a plan, the folder is what it was at the last sync."""

    head: str
    tree: str | None
    plan: Plan | None = None
    holding: Holding | None = None
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class Syncs:
    """Works off what made projects dirty; one at a time a project, from whatever state it finds."""

    store: Store
    repositories: Repositories
    leases: Leases
    clock: Clock
    ids: Ids

    def sync_project(self, message: Message) -> None:
        """Sync until nothing is dirty: `Unavailable` while the git host is away, `NotYet` behind another sync."""
        project = message.ids["project"]
        if PROJECTS.load(self.store, project) is None:
            return
        lease = self.leases.take(f"sync/{project}", self.ids(), LEASE)
        if lease is None:
            raise NotYet(f"another sync of {project!r} is at work", 2.0)
        try:
            self._work_off(project, lease)
        finally:
            self.leases.release(lease)

    def _work_off(self, project: str, lease: Versioned[Lease]) -> None:
        for _ in range(_PASSES):
            work = self._due(project, lease)
            if work is None:
                return
            try:
                self._pass(work)
            except Stale:
                continue
            except LitmusGitopsError as error:
                degrade(self.store, self._ledger, work.project, str(error))
                if error.retry:
                    raise
                return
        raise NotYet(f"{project!r} changes faster than it can be synced", 2.0)

    def _due(self, project: str, lease: Versioned[Lease]) -> _Work | None:
        held = self.store.get(lease.key)
        if held is None or held.version != lease.version:
            raise NotYet(f"the sync of {project!r} was too slow and has passed to another", 2.0)
        found = PROJECTS.load(self.store, project)
        state = SYNCS.load_or(self.store, SyncState(), project)
        gitops = found and found.value.gitops
        if not gitops or not gitops.enabled or state.value.dirty == state.value.clean:
            return None
        return _Work(project, gitops, state, lease)

    def _pass(self, work: _Work) -> None:
        remote = self.repositories.of(work.gitops)
        head = remote.head(work.gitops.branch)
        if head is None:
            raise NotFound(f"there is no branch {work.gitops.branch!r} in {work.gitops.repo_url}: nothing was removed")
        self._finish(work, replace(self._found(work, remote, head), moved=remote.moved()))

    def _found(self, work: _Work, remote: GitRemote, head: str) -> _Found:
        """Compare as little as shows that nothing changed; files that were wrong are looked at again each time."""
        was = work.state.value
        settled = was.commit is not None and not was.invalid and not was.touched
        if settled and was.commit == head:
            return _Found(head, was.tree)
        tree, files = remote.files(head, work.gitops.path)
        if settled and was.tree == tree:
            return _Found(head, tree)
        return self._apply(work, remote, Tree(work.project, head, files, stamp(self.clock)), tree)

    def _apply(self, work: _Work, remote: GitRemote, tree: Tree, tree_id: str | None) -> _Found:
        """Read what is unknown of a tree and write the difference, all but the policies, which `_finish` writes."""
        holding = Holding.read(self.store, work.project)
        self._check_unedited(work)
        readings = self._read(work, remote, tree, unread(tree.files, holding.portal))
        plan = plan_portal(tree, holding.portal, readings, importing=work.importing)
        plan, ends = self._offers(work).settled(tree, holding, plan)
        for bundle in bundles(self._works(work, tree, holding, plan, ends)):
            self.store.commit([*bundle.writes, unchanged(work.lease)], bundle.messages)
        return _Found(tree.commit, tree_id, plan, holding)

    def _works(self, work: _Work, tree: Tree, holding: Holding, plan: Plan, ends: dict[str, Work]) -> Iterator[Work]:
        """Yield each experiment's writes, with the start or schedule that they ask for; an import starts nothing."""
        moves = holding.moves(plan)
        setting = None if work.importing else work.gitops.run_on_push
        hint, parts = work.state.value, (self.store, self.clock, self.ids)
        along = Starts(*parts, hint.traceparent, hint.hinted_at).along(work.project, setting, moves)
        schedules = Accepting(*parts, hint.traceparent).along(work.project, moves, importing=work.importing)
        written = [Work((write,)) for write in holding.writes(plan)]
        made = chain(written, self._offers(work).made(tree, holding, plan))
        for move, start, schedule in zip(moves, along, schedules, strict=True):
            name = move.now.id if move.now else ""
            yield next(made) + start + schedule + ends.pop(name, Work())
        yield from chain(made, ends.values())

    def _offers(self, work: _Work) -> Offers:
        return Offers(self.store, self.clock, self.ids, work.project, work.gitops.path)

    def _read(self, work: _Work, remote: GitRemote, tree: Tree, wanted: frozenset[str]) -> dict[str, Reading]:
        paths = {blob: path for path, blob in sorted(tree.files.items(), reverse=True)}
        readings: dict[str, Reading] = {}
        for page in batched(sorted(wanted), _BLOBS):
            texts = remote.blobs(tree.commit, page)
            readings |= {blob: read_file(paths[blob], text) for blob, text in texts.items()}
            self._keep(work, texts)
        return readings

    def _keep(self, work: _Work, texts: Mapping[str, bytes]) -> None:
        """Store the texts that people, orders and exports will ask for."""
        kept = (BLOBS.put(text, work.project, blob) for blob, text in texts.items() if len(text) <= MAX_BYTES)
        for batch in batches(kept):
            self.store.commit([*batch, unchanged(work.lease)])

    def _check_unedited(self, work: _Work) -> None:
        """Begin again if a portal edit was written since the head was asked for: it may be newer than that head."""
        if SYNCS.load_or(self.store, SyncState(), work.project).version != work.state.version:
            raise Stale("the project became dirty while it was read")

    def _finish(self, work: _Work, found: _Found) -> None:
        """Write how far we are: what became dirty meanwhile stays so, and a changed address lets us begin again."""
        for _ in range(_PASSES):
            now = SYNCS.load_or(self.store, SyncState(), work.project)
            settings = PROJECTS.load(self.store, work.project)
            if settings is None or _place(settings.value.gitops) != _place(work.gitops):
                raise Stale("the project's repository was changed while it was synced")
            try:
                told, messages = self._told(work, found)
                self.store.commit([*self._outcome(work, found, now), *told, unchanged(work.lease)], messages)
            except Stale:
                continue
            return
        raise Stale("the project became dirty faster than its state could be written")

    def _outcome(self, work: _Work, found: _Found, now: Versioned[SyncState]) -> list[Put]:
        at, caught_up = stamp(self.clock), now.value.dirty == work.state.value.dirty
        state = msgspec.structs.replace(
            now.value,
            clean=work.state.value.dirty,
            commit=found.head,
            tree=found.tree,
            head=found.head,
            at=at,
            problem=None,
            moved=found.moved,
            traceparent="" if caught_up else now.value.traceparent,
            hinted_at="" if caught_up else at,
            invalid=found.plan.invalid if found.plan else now.value.invalid,
            touched=now.value.touched and not caught_up,
        )
        policies = found.holding.policy_writes(found.plan) if found.plan and found.holding else []
        row = synced_row(self._ledger, work.project, found.head, found.plan, found.holding, found.moved)
        return [SYNCS.replace(now, state), *policies, row]

    def _told(self, work: _Work, found: _Found) -> tuple[tuple[Write, ...], tuple[Message, ...]]:
        """Return what makes the head count for its status, where the host has any."""
        if work.gitops.provider == "git":
            return (), ()
        wrong = found.plan.wrong if found.plan else ()
        return reached(self.store, self.ids, work.project, found.head, wrong)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.clock, self.ids)


def _place(gitops: GitOps | None) -> tuple[str, str, str] | None:
    return None if gitops is None else (gitops.repo_url, gitops.branch, gitops.path)
