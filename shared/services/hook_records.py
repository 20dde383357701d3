"""What is known of each project's webhook: its record, and the deliveries and heads that the ledger tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.model.hooks import Webhook
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import GitOps, Project
from shared.model.records import Write
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.services.attempts import until_fresh
from shared.services.ledger import Ledger, message
from shared.services.tables import EVENTS, PROJECTS, WEBHOOKS, Versioned

WEBHOOK: Final = "webhook"
"""The subject of the ledger's rows about the hook itself."""

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class HookRecords:
    """Each step is one commit with the ledger's row of it; the caller holds the project's lease on its webhook."""

    store: Store
    clock: Clock
    ids: Ids

    def load(self, project: str, gitops: GitOps) -> Versioned[Webhook]:
        """Return what is known of the hook; of another repository's nothing is, but what is live stays so."""
        found = WEBHOOKS.load_or(self.store, Webhook(gitops.repo_url), project)
        if found.value.repo_url == gitops.repo_url:
            return found
        return Versioned(found.key, Webhook(gitops.repo_url), found.version)

    def keep(self, project: str, gitops: GitOps, **changes: Any) -> None:
        """Remember without a word in the ledger."""
        until_fresh(lambda: self.store.commit([self._put(self.load(project, gitops), changes)]))

    def tell(  # noqa: PLR0913 - a row's columns, each by name
        self,
        project: str,
        gitops: GitOps,
        verdict: str,
        reason: str,
        *,
        subject: str = WEBHOOK,
        detail: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Remember what changed, with the ledger's row of it."""
        row = self._row(project, verdict, reason, subject, detail)
        until_fresh(lambda: self.store.commit([self._put(self.load(project, gitops), changes), row]))

    def settle(
        self,
        was: Versioned[Project],
        gitops: GitOps,
        verdict: str,
        reason: str,
        **changes: Any,
    ) -> None:
        """Write a project's settings with what they mean for the hook, which reconcile then looks at: or `Stale`."""
        project = was.value.id
        writes: list[Write] = [
            PROJECTS.replace(was, msgspec.structs.replace(was.value, gitops=gitops)),
            self._put(self.load(project, gitops), changes),
            self._row(project, verdict, reason, WEBHOOK, {"references": list(gitops.webhook_secrets)}),
        ]
        look: Message = message(self.ids, "reconcile", "webhook", project=project)
        self.store.commit(writes, [look])

    def _put(self, was: Versioned[Webhook], changes: dict[str, Any]) -> Write:
        return WEBHOOKS.replace(was, msgspec.structs.replace(was.value, **changes))

    def _row(self, project: str, verdict: str, reason: str, subject: str, detail: dict[str, Any] | None) -> Write:
        ledger = Ledger(self.clock, self.ids)
        _, row = ledger.row(project, "delivery", verdict=verdict, reason=reason, subject=subject, detail=detail)
        return row


def arrivals(store: Store, project: str, since: datetime | None = None) -> Iterator[Event]:
    """Yield the rows of a project's verified deliveries, newest first, down to those older than `since`."""
    for event in _newest(store, project, "delivery"):
        if since is not None and datetime.fromisoformat(event.at) < since:
            return
        if "secret" in event.detail:
            yield event


def matches(events: Sequence[Event]) -> dict[str, str]:
    """Return when each secret last came with one of these deliveries, which are newest first."""
    return {event.detail["secret"]: event.at for event in reversed(events)}


def sighted_heads(store: Store, project: str) -> Iterator[Event]:
    """Yield the rows of a project's syncs that came to an end, newest first; `subject` is the head."""
    return (event for event in _newest(store, project, "sync") if event.verdict in {"synced", "unchanged"})


def _newest(store: Store, project: str, kind: str) -> Iterator[Event]:
    after = None
    while page := store.query(EVENTS.partition(project, kind), after=after, limit=_PAGE, newest_first=True):
        yield from (EVENTS.read(row).value for row in page)
        after = page[-1].key.sort
