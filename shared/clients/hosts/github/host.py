"""One repository on GitHub (`ports.GitHost`)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.clients.hosts.github import checks, hooks, pulls
from shared.clients.hosts.github.addresses import address
from shared.clients.hosts.github.apps import app_of, credential
from shared.clients.hosts.github.calls import Calls
from shared.clients.hosts.github.expiry import ends
from shared.clients.hosts.web import Pools
from shared.errors import Forbidden
from shared.model.hosting import (
    Access,
    Check,
    CommitStatus,
    FailedDelivery,
    Hook,
    Hosted,
    PullRequest,
)


class _Repository(msgspec.Struct, frozen=True):
    full_name: str
    html_url: str
    default_branch: str
    archived: bool = False


class GitHub:
    """Implements `ports.GitHost`; every path is below `/repos/OWNER/NAME`, where GitHub follows renames itself."""

    def __init__(self, access: Access, pools: Pools) -> None:
        self._where = address(access)
        line = pools.line(self._where.api, access.ca)
        self._calls = Calls(self._where.api, line, credential(access.credential, self._where, line))
        self._app = app_of(access.credential)

    def repository(self) -> Hosted:
        """Return the repository under the name that it has by now."""
        found = self._calls.ask("GET", self._where.path, _Repository)
        return Hosted(found.full_name, found.html_url, found.default_branch, found.archived)

    def expiry(self) -> datetime | None:
        """Return when the token ends; an App's are made anew each hour."""
        return ends(self._calls.headers(self._where.path))

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """Set a commit status."""
        checks.set_status(self._calls, self._where, commit, status)

    def publish(self, commit: str, check: Check, pull: int | None = None) -> None:
        """Write a check run, which only GitHub Apps may; with any other credential a commit status."""
        del pull
        try:
            checks.publish(self._calls, self._where, commit, check, self._app)
        except Forbidden:
            self.set_status(commit, check.status)

    def pull(self, number: int) -> PullRequest:
        """Return a pull request."""
        return pulls.pull(self._calls, self._where, number)

    def open_heads(self, target: str) -> dict[int, str]:
        """Return the heads of the open pull requests into a branch."""
        return pulls.open_heads(self._calls, self._where, target)

    def propose(self, source: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request, or return the one that is open."""
        return pulls.propose(self._calls, self._where, pulls.Proposal(source, target, title, body))

    def close_pull(self, number: int) -> None:
        """Close a pull request."""
        self._calls.tell("PATCH", f"{self._where.path}/pulls/{number}", {"state": "closed"})

    def comment(self, number: int, mark: str, body: str) -> None:
        """Keep our comment up to date."""
        pulls.comment(self._calls, self._where, number, mark, body)

    def hooks(self) -> list[Hook]:
        """Return the webhooks."""
        return hooks.listed(self._calls, self._where)

    def save_hook(self, url: str, secret: str, hook: str | None = None) -> Hook:
        """Create or change a webhook."""
        return hooks.save(self._calls, self._where, url, secret, hook)

    def test_hook(self, hook: str) -> None:
        """Have a ping sent, which also goes out where nothing was pushed yet."""
        hooks.ping(self._calls, self._where, hook)

    def failed_deliveries(self, hook: str, since: datetime) -> list[FailedDelivery]:
        """Return the deliveries of which no attempt succeeded."""
        return hooks.failed(self._calls, self._where, hook, since)

    def redeliver(self, hook: str, delivery: str) -> None:
        """Have a delivery attempted again; GitHub keeps them for three days."""
        hooks.redeliver(self._calls, self._where, hook, delivery)
