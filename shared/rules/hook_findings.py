"""What is wrong with a webhook that does not deliver, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from shared.model.hooks import Finding, Webhook
from shared.model.hosting import FailedDelivery, Hook
from shared.model.projects import GitOps
from shared.rules.hooks import EVENTS, QUIET, missing_events, moment, stays, switched_off, unreachable

GRACE: Final = timedelta(minutes=1)
"""How long the delivery of a push may be on its way."""

_LATELY: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Head:
    """A head of the synced branch as the portal first saw it, and whether a delivery told of it."""

    commit: str
    at: str
    told: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is known of a project's webhook: `hooks` are ours, None where the host could not be asked.

    `trouble` is why not. `matched` is when each secret last came with a delivery, `heads` are newest first.
    """

    project: str
    gitops: GitOps
    address: str
    public_url: str
    now: datetime
    record: Webhook
    unreadable: Mapping[str, str]
    matched: Mapping[str, str]
    heads: Sequence[Head] = ()
    hooks: Sequence[Hook] | None = None
    failures: Sequence[FailedDelivery] = ()
    trouble: str | None = None

    @property
    def install(self) -> str:
        """The command that mends most."""
        return f"litmus-gitops webhook install {self.project}"

    @property
    def live(self) -> list[str]:
        """The secrets that can be read; the first is the one that the hook should sign with."""
        return [one for one in self.gitops.webhook_secrets if one not in self.unreadable]


def find(sight: Sight) -> list[Finding]:
    """Return what is wrong, what keeps anything from coming first."""
    looks = (_secrets, _reach, _hook, _failures, _silence, _signing, _kept)
    return [finding for look in looks for finding in look(sight)]


def meaning(status: int) -> tuple[str, str]:
    """Return what an HTTP status that the host got says, and the mend; 0 is no answer."""
    return _MEANINGS.get(status) or _RANGES.get(status // 100) or _OTHER


def set_up(address: str, reference: str | None) -> str:
    """Return how a plain git server is set up to tell us of pushes."""
    secret = f"a file with the value of {reference}" if reference else "a file with the webhook secret's value"
    return (
        "on the git server, in the bare repository: copy infra/git/post-receive to hooks/post-receive and make it "
        f"executable; git config litmus.url {address}; git config litmus.secretFile <{secret}>"
    )


def _secrets(sight: Sight) -> Iterator[Finding]:
    if not sight.gitops.webhook_secrets:
        yield Finding(
            "the project knows no webhook secret, so no delivery is let in",
            f"litmus-gitops project enable {sight.project} --webhook-secret file:NAME",
        )
    for reference, why in sight.unreadable.items():
        yield Finding(
            f"a webhook secret cannot be read: {why}",
            f"write it, or name the secrets anew without {reference}: litmus-gitops project enable {sight.project} "
            "--webhook-secret file:NAME",
        )


def _reach(sight: Sight) -> Iterator[Finding]:
    why = None if sight.gitops.provider == "git" else unreachable(sight.public_url, sight.gitops)
    if why:
        yield Finding(why, "set PUBLIC_URL to the address under which the git host reaches the portal")
    if sight.trouble:
        yield Finding(
            f"the git host was not asked about its webhooks: {sight.trouble}",
            "mend that; the credential needs the right to administer webhooks: on GitHub `Webhooks: read and write` "
            "(classic: admin:repo_hook), on GitLab the scope api and the role Maintainer",
        )


def _hook(sight: Sight) -> Iterator[Finding]:
    if sight.hooks is None:
        return
    if not sight.hooks:
        gone = f" any more (it was {sight.record.hook})" if sight.record.hook else ""
        yield Finding(f"the repository has no webhook that delivers to {sight.address}{gone}", sight.install)
        return
    hook, *others = sight.hooks
    if others:
        names = ", ".join(other.id for other in others)
        yield Finding(
            f"besides webhook {hook.id} there deliver to the same address: {names}; each push comes more than once",
            "delete those in the repository's settings",
        )
    yield from _state(sight, hook)


def _state(sight: Sight, hook: Hook) -> Iterator[Finding]:
    if not hook.active:
        host = switched_off(hook, sight.gitops.provider)
        who = f"by the host: {hook.problem}" if host else "by a person"
        yield Finding(f"webhook {hook.id} is switched off {who}", sight.install)
    elif hook.problem and not sight.failures:
        yield Finding(f"the host says of webhook {hook.id}: {hook.problem}", sight.install)
    if missing := missing_events(hook, sight.gitops.provider):
        needed = ", ".join(sorted(EVENTS[sight.gitops.provider]))
        yield Finding(f"webhook {hook.id} does not deliver {', '.join(missing)}; needed are {needed}", sight.install)
    if not hook.verified:
        yield Finding(f"webhook {hook.id} does not verify our certificate, so anyone may read along", sight.install)


def _failures(sight: Sight) -> Iterator[Finding]:
    """Tell of failures that are recent, or that nothing has arrived since."""
    arrived = max(map(moment, sight.matched.values()), default=moment(""))
    recent = [one for one in sight.failures if moment(one.at) > min(arrived, sight.now - _LATELY)]
    for status, group in groupby(sorted(recent, key=lambda one: (one.status, moment(one.at))), lambda one: one.status):
        failed = list(group)
        said, mend = meaning(status)
        times = "1 delivery" if len(failed) == 1 else f"{len(failed)} deliveries"
        told = f"answered {status}" if status else "not answered"
        yield Finding(
            f"{times} failed, the last at {failed[-1].at}: {told}: {said}", mend.format(install=sight.install)
        )


def _silence(sight: Sight) -> Iterator[Finding]:
    due = [head for head in sight.heads if sight.now - moment(head.at) > GRACE]
    if not due or due[0].told:
        return
    untold = sum(not head.told for head in due)
    mend = sight.install
    if sight.gitops.provider == "git":
        mend = set_up(sight.address, next(iter(sight.live), None))
    yield Finding(
        f"no delivery told of {untold} of the last {len(due)} pushes that were synced, the newest at commit "
        f"{due[0].commit[:12]}",
        mend,
    )


def _signing(sight: Sight) -> Iterator[Finding]:
    record = sight.record
    if record.given and sight.live and record.given != sight.live[0]:
        what = f"the webhook was given {record.given}, and {sight.live[0]} is the first secret by now"
        yield Finding(what, sight.install)
        return
    since = moment(record.given_at)
    others = [one for one, at in sight.matched.items() if one != record.given and moment(at) > since + _LATELY]
    for other in others if record.given else ():
        yield Finding(
            f"deliveries still come with {other}, the last at {sight.matched[other]}, though the webhook was given "
            f"{record.given}",
            f"find who else delivers to {sight.address} and give it {record.given}",
        )


def _kept(sight: Sight) -> Iterator[Finding]:
    record = sight.record
    for reference in record.retiring:
        why = (
            stays(reference, sight.live, record, matched=sight.matched, now=sight.now, quiet=QUIET)
            or "it is about to be retired"
        )
        yield Finding(f"{reference} stays live: {why}", "nothing to do: reconcile retires it by itself", "note")
    if record.revived_at and sight.now - moment(record.revived_at) < _DAY:
        yield Finding(
            f"the host had switched the webhook off ({record.off}); it was switched on again at {record.revived_at}",
            f"see what failed then: litmus-gitops event list -p {sight.project} --kind delivery",
            "note",
        )


_MEANINGS: Final[Mapping[int, tuple[str, str]]] = {
    0: (
        "the host did not reach us, or waited too long",
        "open the way from the host to PUBLIC_URL: name, port, firewall and certificate",
    ),
    400: ("what was sent is no delivery that can be read", "{install}"),
    401: ("the webhook signs with a secret that the project does not know", "{install}"),
    403: ("a proxy or firewall before the portal refused it", "let deliveries to /git/ pass there"),
    404: ("no project with GitOps is at that address", "look where PUBLIC_URL leads, then {install}"),
    405: ("what is at that address takes no deliveries", "look where PUBLIC_URL leads"),
    413: (
        "it was too large for us (25 MiB) or for a proxy before us",
        "raise the proxy's limit; the push itself is found by comparing heads",
    ),
    415: ("its content type is not application/json", "{install}"),
    429: ("a proxy before the portal lets no more through", "raise its limit"),
}
_RANGES: Final[Mapping[int, tuple[str, str]]] = {
    3: ("it was sent elsewhere, and hosts do not follow", "set PUBLIC_URL to the address that needs no redirect"),
    5: ("git_push was away or failed", "look into its log; reconcile has the host deliver again"),
}
_OTHER: Final = ("nothing of ours answers so", "look what stands between the host and the portal")
