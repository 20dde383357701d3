"""Keeps webhooks delivering: what failed is sent again, and what the host switched off is switched on again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.errors import BadInput, Conflict, LitmusGitopsError, NotFound, NotYet
from shared.model.hooks import Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.ports.git import GitHost
from shared.rules.hook_findings import meaning
from shared.rules.hooks import LOOK, REVIVAL, SOON, earliest, moment, ours, seen_to, switched_off
from shared.rules.spreading import jittered
from shared.services.hook_records import HookRecords, arrivals
from shared.services.hook_secrets import HookSecrets
from shared.services.hooks import Hooks
from shared.services.ledger import stamp
from shared.services.tables import PROJECTS

_AT_A_TIME: Final = 20
"""Deliveries that one look has sent again; the others follow a minute later."""

_PROBE: Final = timedelta(minutes=5)
"""How long a test delivery is waited for: longer than until the next look, shorter than until the one after."""

_SECOND: Final = timedelta(seconds=1)
"""GitHub tells times in whole seconds."""

_REMEMBERED: Final = 500
"""Deliveries that were sent again lately; older ones lie before `Webhook.since` and are not listed any more."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One look at one project's hook."""

    project: str
    gitops: GitOps
    host: GitHost
    record: Webhook


@dataclass(frozen=True, slots=True)
class Healing:
    """Looks after one project's webhook at a time; each step is remembered, so that a look can be broken off."""

    hooks: Hooks
    secrets: HookSecrets

    def look(self, message: Message) -> None:
        """Look at a project's webhook (message `reconcile/webhook`); what fails is looked at again at its time."""
        project = message.ids["project"]
        found = PROJECTS.load(self._records.store, project)
        gitops = found and found.value.gitops
        if not gitops or not gitops.enabled or not gitops.webhook_secrets:
            return
        with self.hooks.alone(project):
            pause = self._pause(project, gitops)
            due = jittered(project, self._now, pause)
            self._records.keep(project, gitops, look_at=stamp(lambda: due))

    def _pause(self, project: str, gitops: GitOps) -> timedelta:
        """Look, and return how long not to look again: trouble is told once, and waits like everything else."""
        try:
            again = self._told(project, gitops) if gitops.provider == "git" else self._heal(project, gitops)
            self.secrets.retire_quiet(project)
        except NotYet as error:
            return max(timedelta(seconds=error.seconds), SOON)
        except LitmusGitopsError as error:
            self._trouble(project, gitops, "not looked after", f"the webhook cannot be looked after: {error}")
            return LOOK
        return SOON if again else LOOK

    def _heal(self, project: str, gitops: GitOps) -> bool:
        """Mend what can be mended; return whether there is more to do soon."""
        host = self.hooks.host(project, gitops)
        record = self._records.load(project, gitops).value
        found = ours(host.hooks(), self.hooks.address(project), record.hook)
        if not found:
            self._gone(project, gitops, record)
            return False
        work = _Work(project, gitops, host, record)
        hook = self._mended(work, found[0])
        return hook is not None and self._redeliver(work, hook)

    def _mended(self, work: _Work, hook: Hook) -> str | None:
        """End a rotation that broke off, switch on what the host switched off; return the hook's id if it delivers."""
        if self.secrets.unfinished(work.project, work.gitops):
            return self.hooks.give(work.project, work.gitops, work.host).hook
        if switched_off(hook, work.gitops.provider):
            return hook.id if self._revived(work, hook) else None
        if work.record.hook is None or work.record.problem:
            self._records.keep(work.project, work.gitops, hook=hook.id, problem=None)
        return hook.id

    def _told(self, project: str, gitops: GitOps) -> bool:
        """End a rotation that broke off where there is no host to ask."""
        if self.secrets.unfinished(project, gitops):
            self.hooks.told(project, gitops)
        return False

    def _gone(self, project: str, gitops: GitOps, record: Webhook) -> None:
        """Tell of a hook that was there; whoever deleted it may have meant it, so it is not made anew."""
        if record.hook is not None:
            gone = f"webhook {record.hook} does not deliver to {self.hooks.address(project)} any more, or was deleted"
            self._trouble(project, gitops, "gone", f"{gone}: litmus-gitops webhook install {project}")

    def _revived(self, work: _Work, hook: Hook) -> bool:
        """Have a hook that the host switched off tried, which switches it on where that goes well: hourly at most."""
        off = f"the host switched webhook {hook.id} off: {hook.problem}"
        if self._now - moment(work.record.revived_at) < REVIVAL:
            self._trouble(work.project, work.gitops, "switched off", off)
            return False
        try:
            work.host.test_hook(hook.id)
        except BadInput as error:
            self._trouble(work.project, work.gitops, "switched off", f"{off}; a test delivery failed, too: {error}")
            return False
        now = stamp(self._records.clock)
        reason = f"{off}; a test delivery went well and switched it on again"
        self._records.tell(
            work.project, work.gitops, "switched on", reason, revived_at=now, off=hook.problem or "", problem=None
        )
        return True

    def _redeliver(self, work: _Work, hook: str) -> bool:
        """Have failed deliveries sent again, each once, as soon as we are seen to be reachable since it failed."""
        failed = work.host.failed_deliveries(hook, earliest(work.record, self._now))
        left = [one for one in failed if one.delivery not in work.record.redelivered]
        arrived = next((moment(event.at) for event in arrivals(self._records.store, work.project)), moment(""))
        ready = [one for one in left if moment(one.at) + _SECOND <= arrived][:_AT_A_TIME]
        self._send_again(work, hook, ready)
        left = [one for one in left if one not in ready]
        self._records.keep(work.project, work.gitops, since=stamp(lambda: seen_to(left, self._now)))
        return bool(left) and (bool(ready) or self._probe(work, hook))

    def _send_again(self, work: _Work, hook: str, ready: Sequence[FailedDelivery]) -> None:
        sent = list(work.record.redelivered)
        for one in ready:
            verdict, reason = "redelivered", f"the host could not deliver it at {one.at}, {_why(one)}: it tries again"
            try:
                work.host.redeliver(hook, one.id)
            except (NotFound, BadInput, Conflict) as error:
                verdict, reason = "not redelivered", f"the host does not deliver it again: {error}"
            sent.append(one.delivery)
            detail = {"hook": hook, "event": one.event, "status": one.status}
            self._records.tell(
                work.project,
                work.gitops,
                verdict,
                reason,
                subject=one.delivery,
                detail=detail,
                redelivered=tuple(sent[-_REMEMBERED:]),
            )

    def _probe(self, work: _Work, hook: str) -> bool:
        """Ask for a test delivery, which tells us by arriving that the way is free; not while the last one is out."""
        if self._now - moment(work.record.probed_at) < _PROBE:
            return False
        self._records.keep(work.project, work.gitops, probed_at=stamp(self._records.clock))
        with suppress(LitmusGitopsError):
            work.host.test_hook(hook)
        return True

    def _trouble(self, project: str, gitops: GitOps, verdict: str, problem: str) -> None:
        """Tell of trouble, the same once."""
        if self._records.load(project, gitops).value.problem != problem:
            self._records.tell(project, gitops, verdict, problem, problem=problem)

    @property
    def _records(self) -> HookRecords:
        return self.hooks.records

    @property
    def _now(self) -> datetime:
        return self._records.clock()


def _why(failed: FailedDelivery) -> str:
    return f"status {failed.status}: {meaning(failed.status)[0]}" if failed.status else meaning(0)[0]
