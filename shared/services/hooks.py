"""Installs a project's webhook at its git host, and gives it the secret that it is to sign with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import Conflict, LitmusGitopsError, Misconfigured, NotFound, NotYet
from shared.model.hosting import Hook
from shared.model.projects import GitOps, Project
from shared.ports.git import GitHost
from shared.rules.hook_findings import set_up
from shared.rules.hooks import address_of, ours, unreachable
from shared.services.hook_records import HookRecords
from shared.services.leases import Leases
from shared.services.ledger import stamp
from shared.services.repositories import Repositories
from shared.services.tables import PROJECTS, Versioned

LEASE: Final = 120.0
"""Seconds that one worker may hold a project's webhook, so that two of them do not create it twice."""


_PAUSE: Final = 0.1


class Given(msgspec.Struct, frozen=True):
    """A hook that signs with `secret` from now on; `duplicates` deliver to the same address.

    `outcome` is `created`, `repaired`, or `to do` where only a person can do it, as `todo` says. `test` is why the host
    could not send a test delivery, None where it did.
    """

    address: str
    hook: str | None
    outcome: str
    secret: str
    duplicates: tuple[str, ...] = ()
    test: str | None = None
    todo: str | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """A project's webhook: one for our address, and whatever is done to it can be done again.

    `patience` is how many seconds a person waits for another worker to be done with the hook.
    """

    records: HookRecords
    repositories: Repositories
    leases: Leases
    public_url: str
    patience: float = 10.0

    def install(self, project: str) -> Given:
        """Create or repair the hook: `Conflict` says what is missing for that."""
        with self.alone(project, self.patience):
            gitops = self.settings(project)
            return self.give(project, gitops, self.host(project, gitops))

    def give(self, project: str, gitops: GitOps, host: GitHost) -> Given:
        """Have the one hook for our address sign with the project's first secret, and have it tried."""
        address, (reference, value) = self.address(project), self._secret(project, gitops)
        known = self.records.load(project, gitops).value.hook
        there = host.hooks()
        found = ours(there, address, known) or [hook for hook in there if hook.id == known]
        saved = host.save_hook(address, value, found[0].id if found else None)
        outcome = "repaired" if found else "created"
        self._remember(project, gitops, saved, reference, outcome)
        return Given(address, saved.id, outcome, reference, tuple(one.id for one in found[1:]), _tried(host, saved))

    def told(self, project: str, gitops: GitOps) -> Given:
        """Return what a person has to do where the host has no API, and take it as done: deliveries will show."""
        address, (reference, _) = self.address(project), self._secret(project, gitops)
        if self.records.load(project, gitops).value.given != reference:
            reason = f"the post-receive hook is to sign with {reference}"
            self.records.tell(project, gitops, "rotated", reason, given=reference, given_at=stamp(self.records.clock))
        return Given(address, None, "to do", reference, todo=set_up(address, reference))

    def address(self, project: str) -> str:
        """Return where the project's deliveries go."""
        return address_of(self.public_url, project)

    def project(self, project: str) -> Versioned[Project]:
        """Return the project: `NotFound` where it is none."""
        found = PROJECTS.load(self.records.store, project)
        if found is None:
            raise NotFound(f"no project {project[:80]!r}: create it with POST /api/projects")
        return found

    def settings(self, project: str) -> GitOps:
        """Return the project's settings: `Conflict` where GitOps is off."""
        return enabled(self.project(project).value)

    def host(self, project: str, gitops: GitOps) -> GitHost:
        """Return the host that can keep a hook for us: `Conflict` says why there is none."""
        host = self.repositories.host(gitops)
        if host is None:
            first = next(iter(gitops.webhook_secrets), None)
            raise Conflict(f"plain git has no webhooks to install: {set_up(self.address(project), first)}")
        why = unreachable(self.public_url, gitops)
        if why:
            raise Conflict(f"{why}: set PUBLIC_URL to the address under which the git host reaches the portal")
        return host

    def readable(self, gitops: GitOps) -> dict[str, str]:
        """Return the project's secrets that can be read, by reference."""
        found: dict[str, str] = {}
        for reference in gitops.webhook_secrets:
            with suppress(Misconfigured):
                found[reference] = self.repositories.secrets(reference)
        return found

    @contextmanager
    def alone(self, project: str, patience: float = 0.0) -> Iterator[None]:
        """Let nobody else touch the project's hook meanwhile: `NotYet` if somebody does for longer than `patience`."""
        deadline = time.monotonic() + patience
        while (lease := self.leases.take(f"webhook/{project}", self.records.ids(), LEASE)) is None:
            if time.monotonic() >= deadline:
                raise NotYet(f"the webhook of {project!r} is being seen to: try again in a moment", 2.0)
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            self.leases.release(lease)

    def _secret(self, project: str, gitops: GitOps) -> tuple[str, str]:
        for found in self.readable(gitops).items():
            return found
        if gitops.webhook_secrets:
            raise Conflict(f"none of the webhook secrets {', '.join(gitops.webhook_secrets)} can be read: write one")
        raise Conflict(
            "the project has no webhook secret: put one into the secrets folder and name it with "
            f"litmus-gitops project enable {project} --webhook-secret file:NAME"
        )

    def _remember(self, project: str, gitops: GitOps, hook: Hook, reference: str, outcome: str) -> None:
        self.records.tell(
            project,
            gitops,
            outcome,
            f"webhook {hook.id} delivers to {hook.url} and signs with {reference}",
            detail={"hook": hook.id, "reference": reference},
            hook=hook.id,
            given=reference,
            given_at=stamp(self.records.clock),
            problem=None,
        )


def enabled(project: Project) -> GitOps:
    """Return the project's settings: `Conflict` says how to turn GitOps on."""
    if project.gitops is None or not project.gitops.enabled:
        on = f"turn it on with PUT /api/projects/{project.id}/gitops"
        raise Conflict(f"GitOps is off for project {project.id!r}: {on}")
    return project.gitops


def _tried(host: GitHost, hook: Hook) -> str | None:
    try:
        host.test_hook(hook.id)
    except LitmusGitopsError as error:
        return str(error)
    return None
