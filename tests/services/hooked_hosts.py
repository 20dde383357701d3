"""A shop whose repository is on a loopback GitHub or GitLab, which really deliver to its `git_push`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.model.hosting import Access
from shared.model.projects import Provider
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.gitlabhost.state import Hook
from tests.gitserver import Clone, git
from tests.services.hooked import HookShop


class Stand(Protocol):
    """A host with one repository in it, and a person's hands on its hooks."""

    provider: Provider
    clone: Clone

    def access(self, *, denied: bool = False) -> Access:
        """Return what the project knows: with all rights that it needs, or with none but to look."""
        ...

    def tell(self, before: str, after: str) -> None:
        """Deliver that the branch moved, where the host did not notice by itself."""
        ...

    def hooks(self) -> list[str]:
        """Return the ids of the hooks."""
        ...

    def secret(self, hook: str) -> str:
        """Return what a hook signs with."""
        ...

    def add(self, url: str) -> str:
        """Add a hook by hand."""
        ...

    def delete(self, hook: str) -> None:
        """Delete a hook."""
        ...

    def spoil(self, hook: str) -> None:
        """Have a hook deliver pushes alone, and verify no certificate."""
        ...

    def age(self, hook: str, seconds: float) -> None:
        """Have all deliveries made that much earlier."""
        ...

    def outcomes(self, hook: str) -> list[bool]:
        """Return which attempts to deliver went well, oldest first."""
        ...

    def lose(self, hook: str, delivery: str, at: datetime) -> None:
        """Have a delivery failed at a time."""
        ...

    def limit(self, seconds: int) -> None:
        """Have the next call answered with a rate limit."""
        ...

    def refill(self) -> None:
        """Forget what was asked for up to now, so that no rate limit is met."""
        ...

    def stop(self) -> None:
        """Be away."""
        ...

    def judge(self) -> None:
        """Fail if the real host would have refused a call."""
        ...


class OnGitHub(GitHubParty):
    """GitHub."""

    provider: Provider = "github"

    def tell(self, before: str, after: str) -> None:
        self.server.deliver(self.repository, "push", {"ref": "refs/heads/main", "before": before, "after": after})

    def hooks(self) -> list[str]:
        return [str(number) for number in self.repository.hooks]

    def secret(self, hook: str) -> str:
        return str(self.repository.hooks[int(hook)].config["secret"])

    def add(self, url: str) -> str:
        number = 1 + max(self.repository.hooks, default=0)
        made = type(next(iter(self.repository.hooks.values())))(number, {"url": url, "content_type": "json"}, ["*"])
        self.repository.hooks[number] = made
        return str(number)

    def delete(self, hook: str) -> None:
        del self.repository.hooks[int(hook)]

    def spoil(self, hook: str) -> None:
        spoilt = self.repository.hooks[int(hook)]
        spoilt.events, spoilt.active = ["push"], False
        spoilt.config |= {"insecure_ssl": "1"}

    def age(self, hook: str, seconds: float) -> None:
        for one in self.repository.hooks[int(hook)].deliveries:
            at = datetime.fromisoformat(one["delivered_at"]) - timedelta(seconds=seconds)
            one["delivered_at"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def outcomes(self, hook: str) -> list[bool]:
        return [one["status_code"] < 300 for one in self.repository.hooks[int(hook)].deliveries]

    def lose(self, hook: str, delivery: str, at: datetime) -> None:
        self.deliver(hook, delivery, 503, at)

    def limit(self, seconds: int) -> None:
        self.fail(429, seconds)

    def refill(self) -> None:
        """GitHub's own limit is far."""


class OnGitLab(GitLabParty):
    """GitLab."""

    provider: Provider = "gitlab"

    def tell(self, before: str, after: str) -> None:
        """It noticed the push."""

    def hooks(self) -> list[str]:
        return [str(number) for number in self.project.hooks]

    def secret(self, hook: str) -> str:
        kept = self.project.hooks[int(hook)]
        return kept.signing_token or kept.token

    def add(self, url: str) -> str:
        number = self.server.state.new_id()
        self.project.hooks[number] = Hook(number, url, {"push_events": True, "enable_ssl_verification": True})
        return str(number)

    def delete(self, hook: str) -> None:
        del self.project.hooks[int(hook)]

    def spoil(self, hook: str) -> None:
        self.project.hooks[int(hook)].settings |= {"merge_requests_events": False, "enable_ssl_verification": False}

    def age(self, hook: str, seconds: float) -> None:
        for one in self.project.hooks[int(hook)].events:
            one.created_at -= timedelta(seconds=seconds)

    def outcomes(self, hook: str) -> list[bool]:
        return [one.response_status.startswith("2") for one in self.project.hooks[int(hook)].events]

    def lose(self, hook: str, delivery: str, at: datetime) -> None:
        self.deliver(hook, delivery, 503, at)

    def limit(self, seconds: int) -> None:
        self.fail(429, seconds)

    def refill(self) -> None:
        self.server.state.limits.clear()


class HostedShop(HookShop):
    """The shop on a host; its one secret is that of its webhook."""

    def __init__(self, folder: Path, stand: Stand) -> None:
        super().__init__(folder)
        self.stand = stand
        access = stand.access()
        self.keep("token", access.credential or "")
        self.configure(
            repo_url=access.url,
            provider=stand.provider,
            credential="file:token",
            webhook_secrets=(self.keep("hook", "the-first-secret"),),
        )
        self.person = stand.clone

    def close(self) -> None:
        super().close()
        self.stand.stop()
        self.stand.judge()

    def push(self) -> str:
        """Push as a person, and have the host deliver that."""
        before = self.head_of_person()
        commit = self.person.push()
        self.stand.tell(before, commit)
        return commit

    def head_of_person(self) -> str:
        """Return the commit of the person's working copy."""
        return git("rev-parse", "HEAD", cwd=self.person.folder)

    @property
    def hook(self) -> str:
        """The one hook's id."""
        (found,) = self.stand.hooks()
        return found


STANDS: dict[str, Callable[[Path], Stand]] = {"github": OnGitHub, "gitlab": OnGitLab}
