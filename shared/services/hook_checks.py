"""Says what is wrong with a project's webhook, from what the host, the ledger and the secrets show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError, Misconfigured
from shared.model.hooks import Finding, Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.ledger import Event
from shared.model.projects import GitOps
from shared.rules.hook_findings import Head, Sight, find
from shared.rules.hooks import REDELIVERABLE, ours
from shared.services.hook_records import arrivals, matches, sighted_heads
from shared.services.hooks import Hooks

_SYNCS: Final = 100
_DELIVERIES: Final = 500
_HEADS: Final = 10


class SecretSeen(msgspec.Struct, frozen=True):
    """One of a project's webhook secrets; `matched_at` is when a delivery last came with it."""

    reference: str
    readable: bool
    matched_at: str | None
    retiring: bool


class Checked(msgspec.Struct, frozen=True):
    """A webhook as it is: `given` is the secret that it was last given by us, `hook` None where there is none."""

    address: str
    provider: str
    hook: Hook | None
    given: str | None
    secrets: tuple[SecretSeen, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the host said, or why it did not."""

    hooks: Sequence[Hook] | None = None
    failures: Sequence[FailedDelivery] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class HookChecks:
    """Looks, and changes nothing."""

    hooks: Hooks

    def check(self, project: str) -> Checked:
        """Return what is so and what is wrong: `Conflict` where GitOps is off."""
        gitops = self.hooks.settings(project)
        record = self.hooks.records.load(project, gitops).value
        sight = self._sight(project, gitops, record)
        seen = (
            SecretSeen(one, one in sight.live, sight.matched.get(one), one in record.retiring)
            for one in gitops.webhook_secrets
        )
        hook = next(iter(sight.hooks or ()), None)
        return Checked(sight.address, gitops.provider, hook, record.given, tuple(seen), tuple(find(sight)))

    def _sight(self, project: str, gitops: GitOps, record: Webhook) -> Sight:
        came = list(islice(arrivals(self.hooks.records.store, project), _DELIVERIES))
        now = self.hooks.records.clock()
        asked = self._asked(project, gitops, record, now)
        return Sight(
            project=project,
            gitops=gitops,
            address=self.hooks.address(project),
            public_url=self.hooks.public_url,
            now=now,
            record=record,
            unreadable=self._unreadable(gitops),
            matched=matches(came),
            heads=self._heads(project, record, came),
            hooks=asked.hooks,
            failures=asked.failures,
            trouble=asked.trouble,
        )

    def _asked(self, project: str, gitops: GitOps, record: Webhook, now: datetime) -> _Asked:
        try:
            host = self.hooks.repositories.host(gitops)
            if host is None:
                return _Asked()
            found = ours(host.hooks(), self.hooks.address(project), record.hook)
            failures = host.failed_deliveries(found[0].id, now - REDELIVERABLE) if found else []
        except LitmusGitopsError as error:
            return _Asked(trouble=str(error))
        return _Asked(found, failures)

    def _unreadable(self, gitops: GitOps) -> dict[str, str]:
        found: dict[str, str] = {}
        for reference in gitops.webhook_secrets:
            try:
                self.hooks.repositories.secrets(reference)
            except Misconfigured as error:
                found[reference] = str(error)
        return found

    def _heads(self, project: str, record: Webhook, came: Sequence[Event]) -> list[Head]:
        """Return the last heads that were pushed since the hook was given its secret; the first was imported."""
        firsts: dict[str, str] = {}
        rows = list(islice(sighted_heads(self.hooks.records.store, project), _SYNCS))
        for row in rows:
            firsts[row.subject] = row.at
        heads = list(firsts.items()) if len(rows) == _SYNCS else list(firsts.items())[:-1]
        told = {event.detail.get("after") for event in came}
        oldest = came[-1].at if len(came) == _DELIVERIES else ""
        since = max(record.given_at, oldest)
        return [Head(commit, at, commit in told) for commit, at in heads if at > since][:_HEADS]
