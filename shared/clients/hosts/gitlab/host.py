"""A project on gitlab.com or a self-managed GitLab, by python-gitlab."""

from __future__ import annotations

from datetime import datetime

from shared.clients.hosts.gitlab import hooks, notes, pulls, statuses
from shared.clients.hosts.gitlab.api import Api
from shared.clients.hosts.web import Pools
from shared.model.hosting import Access, Check, CommitStatus, FailedDelivery, Hook, Hosted, PullRequest


class GitLab:
    """Implements `ports.GitHost`; a commit's context is a commit status' name."""

    def __init__(self, access: Access, pools: Pools) -> None:
        self._api = Api(access, pools)

    def repository(self) -> Hosted:
        """Return the project under its present path."""
        with self._api.explained("the project"):
            found = self._api.look_up()
            return Hosted(found.path_with_namespace, found.web_url, found.default_branch or "", found.archived)

    def expiry(self) -> datetime | None:
        """Return when the token ends: at the beginning of a day, by UTC."""
        with self._api.explained("the project"):
            self._api.look_up()
        return self._api.token_ends()

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """Set a commit status, whose name is the context."""
        with self._api.explained("a commit status"):
            statuses.post(self._api, commit, status)

    def publish(self, commit: str, check: Check, pull: int | None = None) -> None:
        """Set the status, and start, keep and resolve threads on the merge request while the commit is its head."""
        self.set_status(commit, check.status)
        if pull is None:
            return
        with self._api.explained("threads on a merge request"):
            merge = pulls.prepared(self._api, pull)
            if merge.diff_refs and merge.diff_refs.head_sha == commit:
                threads = notes.Threads(self._api, merge, check.status.context)
                threads.show(check.annotations)

    def pull(self, number: int) -> PullRequest:
        """Return a merge request: `NotYet` while GitLab makes its diff."""
        with self._api.explained("a merge request"):
            return pulls.one(self._api, number)

    def open_heads(self, target: str) -> dict[int, str]:
        """Return the heads of the open merge requests into a branch."""
        with self._api.explained("the merge requests"):
            return pulls.open_heads(self._api, target)

    def propose(self, source: str, target: str, title: str, body: str) -> PullRequest:
        """Open a merge request or return the open one: `NotYet` while GitLab makes its diff, though it is there."""
        with self._api.explained("a merge request"):
            return pulls.propose(self._api, source, target, title, body)

    def close_pull(self, number: int) -> None:
        """Close a merge request."""
        with self._api.explained("a merge request"):
            pulls.close(self._api, number)

    def comment(self, number: int, mark: str, body: str) -> None:
        """Keep one comment up to date: the token's user wrote it, and its first line is `mark`."""
        with self._api.explained("a comment"):
            notes.comment(self._api, number, mark, body)

    def hooks(self) -> list[Hook]:
        """Return the project's webhooks."""
        with self._api.explained("the webhooks"):
            return hooks.listed(self._api)

    def save_hook(self, url: str, secret: str, hook: str | None = None) -> Hook:
        """Create or mend the webhook: a `whsec_` key of 32 bytes signs, any other secret is sent along."""
        with self._api.explained("a webhook", secret):
            return hooks.save(self._api, url, secret, hook)

    def test_hook(self, hook: str) -> None:
        """Have GitLab deliver the last push again: `Invalid` if our answer was none or no success."""
        with self._api.explained("a test of a webhook"):
            hooks.test(self._api, hook)

    def failed_deliveries(self, hook: str, since: datetime) -> list[FailedDelivery]:
        """Return what could not be delivered; GitLab keeps a week."""
        with self._api.explained("the deliveries of a webhook"):
            return hooks.failed(self._api, hook, since)

    def redeliver(self, hook: str, delivery: str) -> None:
        """Have GitLab send a delivery again: `NotYet` after five a minute."""
        with self._api.explained("another delivery"):
            hooks.redeliver(self._api, hook, delivery)
