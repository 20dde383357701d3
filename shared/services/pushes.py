"""Takes deliveries: verified hints that a branch or a pull request moved, kept before they are answered."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType

import msgspec

from shared.errors import Misconfigured, NotFound, NotYet, Stale, Unauthenticated
from shared.model.calls import Answer, Call
from shared.model.deliveries import Delivery, Hint, Ignored, Pull, Push
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.model.records import ABSENT, Write
from shared.ports.ambient import Clock, Counters, Ids, Secrets
from shared.ports.state import Store
from shared.services.attempts import until_fresh
from shared.services.dirt import dirty
from shared.services.ledger import Ledger, message, stamp
from shared.services.tables import DELIVERIES, PROJECTS, Seen
from shared.wire import git_hook, github, gitlab
from shared.wire.pushes import Secret
from shared.wire.traces import continued

RECEIVED = "litmus_gitops_deliveries_total"
SPEAKERS = (github, gitlab, git_hook)
"""Modules with the same three functions: `speaks`, `verify`, `read`; the first that speaks is asked."""


@dataclass(frozen=True, slots=True)
class Pushes:
    """The receiver of deliveries from GitHub, GitLab, Gitea and plain git servers."""

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
        repeated = self._kept(call.params["project"], delivery, secret, continued(call.headers))
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

    def _kept(self, project: str, delivery: Delivery, secret: Secret, traceparent: str) -> bool:
        """Keep a delivery; where too many others come at once that is a fault of ours, and is answered as one."""
        try:
            return until_fresh(lambda: self._keep(project, delivery, secret, traceparent))
        except Stale as error:
            raise NotYet("too many deliveries of this project at once: send it again") from error

    def _keep(self, project: str, delivery: Delivery, secret: Secret, traceparent: str) -> bool:
        """Write the delivery and what follows from it, at once; return whether it came before."""
        before = DELIVERIES.load(self.store, project, delivery.delivery)
        writes: list[Write] = [self._row(project, delivery, secret, repeated=before is not None)]
        messages: list[Message] = []
        if not isinstance(delivery, Ignored):
            version = ABSENT if before is None else before.version
            seen = Seen(stamp(self.clock))
            writes.append(DELIVERIES.put(seen, project, delivery.delivery, expected=version))
            dirt, messages = self._following(project, delivery, traceparent, repeated=before is not None)
            writes += dirt
        self.store.commit(writes, messages)
        return before is not None

    def _following(
        self, project: str, hint: Hint, traceparent: str, *, repeated: bool
    ) -> tuple[list[Write], list[Message]]:
        """Return what a hint asks for; whatever is delivered again asks for a sync, since someone wants it healed."""
        writes: list[Write] = []
        messages: list[Message] = []
        if isinstance(hint, Push) or repeated:
            writes, messages = dirty(self.store, self.ids, project, traceparent, stamp(self.clock))
        if isinstance(hint, Pull):
            messages = [*messages, message(self.ids, "sync", "pull", project=project, number=str(hint.number))]
        return writes, messages

    def _row(self, project: str, delivery: Delivery, secret: Secret, *, repeated: bool) -> Write:
        verdict, reason = _verdict(delivery, repeated=repeated)
        detail = msgspec.to_builtins(delivery) | {"secret": secret.reference}
        ledger = Ledger(self.clock, self.ids)
        _, row = ledger.row(
            project, "delivery", verdict=verdict, reason=reason, subject=delivery.delivery, detail=detail
        )
        return row


def _verdict(delivery: Delivery, *, repeated: bool) -> tuple[str, str]:
    """Return the verdict on a delivery, and its reason."""
    if isinstance(delivery, Ignored):
        return "ignored", delivery.why
    if repeated:
        return "repeated", "this delivery came before: the project is to be synced again"
    if isinstance(delivery, Pull):
        return "accepted", f"pull request {delivery.number} is to be looked at"
    return "accepted", "the branch moved: the project is to be synced"


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
    branch = f"refs/heads/{gitops.branch}"
    ref = delivery.ref if isinstance(delivery, Push) else f"refs/heads/{delivery.target}"
    if ref != branch:
        return Ignored(delivery.delivery, f"{ref[:100]!r} is not the synced branch {gitops.branch!r}")
    return delivery
