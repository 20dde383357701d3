"""Heals what was lost on its way: pushes whose delivery never came, edits and orders left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import LitmusGitopsError
from shared.model.experiments import SyncState
from shared.model.hooks import Webhook
from shared.model.messages import Message
from shared.model.projects import GitOps, Project
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.hooks import look_is_due
from shared.rules.lagging import forgotten, lags, overdue
from shared.rules.spreading import jitter, tick_delay
from shared.services.attempts import until_fresh
from shared.services.batches import WRITES, batched
from shared.services.dirt import dirty_writes
from shared.services.errands import errands_due
from shared.services.ledger import Ledger, stamp
from shared.services.ledger import reminder as _reminder
from shared.services.overseeing import under_way, watching
from shared.services.portal_records import listed, open_edits
from shared.services.recorded_changes import trim
from shared.services.repositories import Repositories
from shared.services.sync_ledger import degrade
from shared.services.tables import MEMBERS, OPEN_ORDERS, PROJECTS, SCHEDULES, SYNCS, TICKED, WEBHOOKS
from shared.services.texts import Texts

_ORDERS: Final = 20
"""Orders of one cluster that are looked after at a time, oldest first; the others follow at later ticks."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Looks at everything that can lag; what it finds becomes messages, so that doing it again does no harm."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def tick(self, _: Message) -> None:
        """Tidy the store, then look after each project on its own (message `reconcile/tick`).

        So no project can hold up the others.
        """
        self.store.tidy()
        self.store.commit([TICKED.put(stamp(self.clock), "reconcile")])
        projects = [row.value.id for row in listed(self.store, PROJECTS)]
        for page in batched(projects, WRITES):
            delays = {project: tick_delay(project, len(projects)) for project in page}
            sent = [_reminder("reconcile", "project", delay, project=project) for project, delay in delays.items()]
            self.store.commit([], sent)

    def look_after(self, message: Message) -> None:
        """Look after one project (message `reconcile/project`); what fails now is looked at again at the next tick."""
        project = message.ids["project"]
        found = PROJECTS.load(self.store, project)
        if found is None:
            return
        self._orders(project)
        self._schedules(project)
        self._runs(found.value)
        trim(self.store, project, self.clock())
        Texts(self.store, self.clock).have_looked(project)
        gitops = found.value.gitops
        if gitops and gitops.enabled:
            self._git(project, gitops)
            self._webhook(project, gitops)

    def _webhook(self, project: str, gitops: GitOps) -> None:
        """Have the hook looked at when its time has come, by a message of its own."""
        record = WEBHOOKS.load_or(self.store, Webhook(gitops.repo_url), project).value
        if look_is_due(record, gitops, self.clock()):
            self.store.commit([], [_reminder("reconcile", "webhook", project=project)])

    def _git(self, project: str, gitops: GitOps) -> None:
        """Compare heads; while the host is away nothing is sent, since that would only pile up."""
        try:
            head = self.repositories.of(gitops).head(gitops.branch)
        except LitmusGitopsError as error:
            degrade(self.store, Ledger(self.clock, self.ids), project, str(error))
            return
        until_fresh(lambda: self._remind(project, head))
        self._edits(project)
        if gitops.provider != "git":
            delay = jitter(project, self.clock())
            self.store.commit([], [_reminder("reconcile", "pulls", delay, project=project)])
        self._proposals(project, gitops)

    def _remind(self, project: str, head: str | None) -> None:
        state = SYNCS.load_or(self.store, SyncState(), project)
        if lags(state.value, head):
            self.store.commit(*dirty_writes(state, self.ids, project))

    def _edits(self, project: str) -> None:
        """Send the newest forgotten edit: the older ones go before it."""
        lost = [edit for edit in open_edits(self.store, project) if forgotten(edit, self.clock())]
        if lost:
            self.store.commit([], [_reminder("sync", "edit", project=project, edit=lost[-1].id)])

    def _proposals(self, project: str, gitops: GitOps) -> None:
        """Ask once for all pull requests whether some are over; while the API is away, the next tick asks again."""
        numbers = {edit.pull for edit in open_edits(self.store, project) if edit.pull is not None}
        try:
            host = self.repositories.host(gitops) if numbers else None
            opened = host.open_heads(gitops.branch).keys() if host else numbers
        except LitmusGitopsError:
            return
        for number in sorted(numbers - opened):
            self.store.commit([], [_reminder("sync", "proposal", project=project, number=str(number))])

    def _orders(self, project: str) -> None:
        now = self.clock()
        for cluster in listed(self.store, MEMBERS, project):
            name = cluster.value.id
            due = overdue((row.value for row in listed(self.store, OPEN_ORDERS, name)), now)[:_ORDERS]
            sent = [_reminder("dispatch", "order", cluster=name, order=order.id) for order in due]
            sent += errands_due(self.store, name) if cluster.value.chaoscenter else ()
            if sent:
                self.store.commit([], sent)

    def _schedules(self, project: str) -> None:
        """Have all schedules looked at, since windows open and close by themselves, and failed orders are repeated."""
        if self.store.query(SCHEDULES.partition(project), limit=1):
            self.store.commit([], [_reminder("dispatch", "schedule", project=project)])

    def _runs(self, project: Project) -> None:
        """Have every run under way watched, where there are stop conditions: the watch of some may be lost, or new."""
        for cluster in listed(self.store, MEMBERS, project.id) if project.safety.stop_conditions else ():
            for run in under_way(self.store, cluster.value.id):
                self.store.commit([], watching(self.store, project.id, run))
