"""The hosts that the suite of this folder is run against, each with a person's hands on it.

To add one, write a `Party` and a line in `PARTIES`; what only one host has is tested in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from shared.clients.hosts import Hosts
from shared.model.hosting import Access, CommitStatus, StatusState
from shared.ports.git import GitHost
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.gitserver import Clone

SECRET = "s3cret-of-the-hook"
HOSTS = Hosts()
"""One for all tests, as for all projects of a process: to read the system's certificates takes 50 ms."""


class Party(Protocol):
    """A host with one repository in it, whose branch `main` has one commit."""

    shown: Mapping[StatusState, StatusState]
    """What the host has in place of a state that it does not have."""

    @property
    def clone(self) -> Clone:
        """A working copy on `main`."""
        ...

    @property
    def name(self) -> str:
        """The repository's full name."""
        ...

    def access(self, *, denied: bool = False) -> Access:
        """Return what the project knows: with all rights that it needs, or with none but to look."""
        ...

    def expire(self, at: datetime) -> datetime | None:
        """Let the credential end at a midnight to come, and return that; None where it never does, like an App's."""
        ...

    def open(self, source: str, target: str, title: str) -> int:
        """Open a pull request as a person."""
        ...

    def merge(self, number: int) -> None:
        """Merge one as a person."""
        ...

    def statuses(self, commit: str) -> list[CommitStatus]:
        """Return what stands on a commit, the newest first, checks like statuses."""
        ...

    def comments(self, number: int) -> list[str]:
        """Return a pull request's comments, oldest first."""
        ...

    def chat(self, number: int, count: int) -> None:
        """Have people write comments."""
        ...

    def deliver(self, hook: str, delivery: str, status: int, at: datetime, *, again: bool = False) -> None:
        """Let the host have made a delivery, with this outcome."""
        ...

    def rename(self, name: str) -> None:
        """Give the repository another name; the old one leads to it."""
        ...

    def fail(self, status: int, seconds: int = 0, *, done: bool = False) -> None:
        """Answer the next call with this status; 429 asks to wait; `done` does first what was asked."""
        ...

    def stop(self) -> None:
        """Be away."""
        ...

    def judge(self) -> None:
        """Fail if the real host would have refused a call."""
        ...


def opened(access: Access, hosts: Hosts = HOSTS) -> GitHost:
    """Open an API as the product does."""
    found = hosts(access)
    assert found is not None
    return found


def host(party: Party, *, denied: bool = False) -> GitHost:
    """Open the party's API as the product does."""
    return opened(party.access(denied=denied))


PARTIES: dict[str, Callable[[Path], Party]] = {
    "github": lambda folder: GitHubParty(folder, app=True),
    "gitlab": GitLabParty,
}
