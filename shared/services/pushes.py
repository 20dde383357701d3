"""Takes a push delivery: a verified hint that a branch moved, kept before it is answered."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType

import msgspec

from shared.errors import Misconfigured, NotFound, Unauthenticated
from shared.model.calls import Answer, Call
from shared.model.deliveries import Delivery, Ignored
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.model.records import ABSENT, Write
from shared.ports import Clock, Counters, Ids, Secrets, Store
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty
from shared.services.ledger import Ledger
from shared.services.tables import DELIVERIES, PROJECTS
from shared.wire import git_hook, github, gitlab
from shared.wire.pushes import Secret

RECEIVED = "litmus_gitops_deliveries_total"
SPEAKERS = (github, gitlab, git_hook)
"""Modules with the same three functions: `speaks`, `verify`, `read`; the first that speaks is asked."""


@dataclass(frozen=True, slots=True)
class Pushes:
    """The receiver of push deliveries from GitHub, GitLab, Gitea and plain git servers."""

    store: Store
    secrets: Secrets
    clock: Clock
    ids: Ids
    count: Counters

    def receive(self, call: Call) -> Answer:
        """Verify, read and keep a delivery: 202 with its id, or 200 with why it is ignored."""
        gitops = self._gitops(call.params["project"])
        speaker = _speaker(call)
        secret = speaker.verify(call.headers, call.body, self._secrets(gitops), self.clock().timestamp())
        delivery = _relevant(speaker.read(call.headers, call.body), gitops)
        repeated = until_fresh(lambda: self._keep(call.params["project"], delivery, secret))
        if isinstance(delivery, Ignored):
            self.count(RECEIVED, outcome="ignored")
            return Answer(200, {"ignored": delivery.why})
        self.count(RECEIVED, outcome="repeated" if repeated else "accepted")
        return Answer(202, {"delivery": delivery.delivery})

    def _gitops(self, project: str) -> GitOps:
        found = PROJECTS.load(self.store, project)
        if found is None or found.value.gitops is None:
            raise NotFound("no project with GitOps under this name")
        return found.value.gitops

    def _secrets(self, gitops: GitOps) -> list[Secret]:
        """Return the live secrets; one that is gone does not keep the others from working."""
        found: list[Secret] = []
        for reference in gitops.webhook_secrets:
            with suppress(Misconfigured):
                found.append(Secret(reference, self.secrets(reference)))
        if not found:
            raise Unauthenticated("the project has no webhook secret that can be read: check its GitOps settings")
        return found

    def _keep(self, project: str, delivery: Delivery, secret: Secret) -> bool:
        """Write the delivery and what follows from it, at once; return whether it came before."""
        before = DELIVERIES.load(self.store, project, delivery.delivery)
        writes: list[Write] = [self._row(project, delivery, secret, repeated=before is not None)]
        messages: list[Message] = []
        if not isinstance(delivery, Ignored):
            version = ABSENT if before is None else before.version
            writes.append(DELIVERIES.put(delivery, project, delivery.delivery, expected=version))
            dirt, messages = dirty(self.store, self.ids, project)
            writes += dirt
        self.store.commit(writes, messages)
        return before is not None

    def _row(self, project: str, delivery: Delivery, secret: Secret, *, repeated: bool) -> Write:
        ignored = isinstance(delivery, Ignored)
        verdict = "ignored" if ignored else "repeated" if repeated else "accepted"
        reason = delivery.why if isinstance(delivery, Ignored) else _REASONS[verdict]
        detail = msgspec.to_builtins(delivery) | {"secret": secret.reference}
        ledger = Ledger(self.clock, self.ids)
        _, row = ledger.row(
            project, "delivery", verdict=verdict, reason=reason, subject=delivery.delivery, detail=detail
        )
        return row


_REASONS = {
    "accepted": "the branch moved: the project is to be synced",
    "repeated": "this delivery came before: the project is to be synced again",
}


def _speaker(call: Call) -> ModuleType:
    for speaker in SPEAKERS:
        if speaker.speaks(call.headers):
            return speaker
    raise Unauthenticated("unsigned: neither GitHub's, GitLab's nor Standard Webhooks' headers are there")


def _relevant(delivery: Delivery, gitops: GitOps) -> Delivery:
    if isinstance(delivery, Ignored):
        return delivery
    if not gitops.enabled:
        return Ignored(delivery.delivery, "GitOps is off for this project")
    if delivery.ref != f"refs/heads/{gitops.branch}":
        return Ignored(delivery.delivery, f"{delivery.ref[:100]!r} is not the synced branch {gitops.branch!r}")
    return delivery
