"""Rotates the secret that a project's webhook signs with: the new one is live before it is used, the old one after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

import msgspec

from shared.errors import Conflict, Misconfigured
from shared.model.hooks import Webhook
from shared.model.projects import GitOps, Project
from shared.rules.hooks import QUIET, moment, stays
from shared.services.attempts import until_fresh
from shared.services.hook_records import HookRecords, arrivals, matches
from shared.services.hooks import Given, Hooks, enabled
from shared.services.tables import Versioned

_AT_ONCE: Final = timedelta(0)
_ROWS: Final = 5_000
"""Deliveries that are looked through for the secrets that they came with, the newest."""

_MOST: Final = 10
"""Webhook secrets that a project may have."""


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """Rotation in steps that each leave deliveries working, whatever becomes of the next step."""

    hooks: Hooks

    def rotate(self, project: str, reference: str) -> Given:
        """Make a secret live, first of all, and give it to the hook; the others stay live until they are retired."""
        with self.hooks.alone(project, self.hooks.patience):
            gitops = self.hooks.settings(project)
            self._check_readable(reference)
            if gitops.provider == "git":
                return self.hooks.told(project, self._admit(project, reference))
            host = self.hooks.host(project, gitops)
            return self.hooks.give(project, self._admit(project, reference), host)

    def retire(self, project: str, reference: str | None = None) -> tuple[str, ...]:
        """End an old secret, or all that rotation left, and return them: `Conflict` while one is still needed."""

        def retire() -> tuple[str, ...]:
            was = self.hooks.project(project)
            gitops = enabled(was.value)
            named = self._retiring(project, gitops) if reference is None else (reference,)
            live = tuple(one for one in named if one in gitops.webhook_secrets)
            if not live:
                what = f"{reference} is not live" if reference else "no secret is to be retired"
                known = ", ".join(gitops.webhook_secrets) or "none"
                raise Conflict(f"{what}: the project's webhook secrets are {known}")
            for one, why in self._needed(project, gitops, live, _AT_ONCE).items():
                raise Conflict(f"{one} stays live: {why}")
            return self._end(was, live)

        with self.hooks.alone(project, self.hooks.patience):
            return until_fresh(retire)

    def retire_quiet(self, project: str) -> None:
        """End the secrets that rotation left and that nothing came with for an hour; the caller is alone."""

        def retire() -> None:
            was = self.hooks.project(project)
            gitops = enabled(was.value)
            retiring = self._retiring(project, gitops)
            needed = self._needed(project, gitops, retiring, QUIET) if retiring else {}
            ended = tuple(one for one in retiring if one not in needed)
            if ended:
                self._end(was, ended)

        until_fresh(retire)

    def unfinished(self, project: str, gitops: GitOps) -> bool:
        """Whether a rotation broke off before the hook was given the new secret."""
        record = self._records.load(project, gitops).value
        return bool(record.retiring) and record.given != next(iter(self.hooks.readable(gitops)), record.given)

    @property
    def _records(self) -> HookRecords:
        return self.hooks.records

    def _check_readable(self, reference: str) -> None:
        try:
            self.hooks.repositories.secrets(reference)
        except Misconfigured as error:
            raise Conflict(f"{error}: write it before it is rotated to") from error

    def _admit(self, project: str, reference: str) -> GitOps:
        """Put the secret before the others and remember which one it replaces; nothing happens where it is so."""

        def admit() -> GitOps:
            was = self.hooks.project(project)
            gitops = enabled(was.value)
            if gitops.webhook_secrets[:1] == (reference,):
                return gitops
            others = tuple(one for one in gitops.webhook_secrets if one != reference)
            if len(others) >= _MOST:
                raise Conflict(f"the project has {len(others)} webhook secrets: retire one before the next")
            changed = msgspec.structs.replace(gitops, webhook_secrets=(reference, *others))
            replaced = _replaced(self._records.load(project, gitops).value, others)
            reason = f"{reference} is live and about to be used; {', '.join(others) or 'no other'} stays live"
            self._records.settle(was, changed, "rotating", reason, retiring=replaced)
            return changed

        return until_fresh(admit)

    def _retiring(self, project: str, gitops: GitOps) -> tuple[str, ...]:
        return self._records.load(project, gitops).value.retiring

    def _needed(self, project: str, gitops: GitOps, named: Sequence[str], quiet: timedelta) -> dict[str, str]:
        """Return why each of these secrets must stay, for those that must."""
        record, now = self._records.load(project, gitops).value, self._records.clock()
        came = arrivals(self._records.store, project, moment(record.given_at))
        matched = matches(list(islice(came, _ROWS)))
        live = list(self.hooks.readable(gitops))
        found = {one: stays(one, live, record, matched=matched, now=now, quiet=quiet) for one in named}
        return {one: why for one, why in found.items() if why}

    def _end(self, was: Versioned[Project], ended: tuple[str, ...]) -> tuple[str, ...]:
        """Write the settings without these secrets, if they are as they were when that was decided."""
        gitops = enabled(was.value)
        kept = tuple(one for one in gitops.webhook_secrets if one not in ended)
        retiring = tuple(one for one in self._retiring(was.value.id, gitops) if one not in ended)
        reason = f"{', '.join(ended)} is not live any more; {', '.join(kept)} is"
        changed = msgspec.structs.replace(gitops, webhook_secrets=kept)
        self._records.settle(was, changed, "retired", reason, retiring=retiring)
        return ended


def _replaced(record: Webhook, others: Sequence[str]) -> tuple[str, ...]:
    """Return which of the other secrets the new one stands in for: not those that another sender may use."""
    former = set(record.retiring) | {record.given}
    return tuple(one for one in others if one in former or (record.given is None and len(others) == 1))
