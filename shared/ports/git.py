"""Git repositories and the hosts that serve them, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from shared.model.experiments import Draft
from shared.model.hosting import (
    Access,
    Check,
    CommitStatus,
    FailedDelivery,
    Hook,
    Hosted,
    PullRequest,
)


class GitRemote(Protocol):
    """One remote repository over the git protocol. Every method raises `Unavailable` when the host does not answer."""

    def head(self, branch: str) -> str | None:
        """Return the commit id at the branch's head, None if the branch does not exist. One request."""
        ...

    def moved(self) -> str | None:
        """Return where the host says that the repository is by now, None where that is its address. No request."""
        ...

    def files(self, commit: str, folder: str) -> tuple[str | None, dict[str, str]]:
        """Return the folder's tree id and its files: path from the repository root → blob id."""
        ...

    def blobs(self, commit: str, ids: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of just these blobs, in one request whatever their number."""
        ...

    def commit_files(self, branch: str, expected: str | None, draft: Draft, onto: str | None = None) -> str:
        """Commit the draft on top of `expected` and push as compare-and-swap; return the new commit id.

        Raises `Stale` if the branch is no longer at `expected` (None: the branch does not exist yet), and `Protected`
        if the host lets us not push to it. A branch that does not exist yet begins on top of commit `onto`.
        """
        ...

    def note(self, commit: str, compose: Callable[[str], str], at: datetime) -> bool:
        """Replace the note of `commit` under `refs/notes/litmus` by what `compose` makes of it ("": there is none).

        Returns whether it changed; `compose` runs again when another writer was faster.
        """
        ...


class GitRemotes(Protocol):
    """Opens remotes."""

    def __call__(self, access: Access) -> GitRemote:
        """Return the remote; opening does no I/O."""
        ...


class GitHost(Protocol):
    """What the host of one repository offers beyond git. What git can do is done by `GitRemote`.

    Raises `Unavailable` when the host does not answer (`NotYet` with the seconds that a rate limit asks for),
    `Forbidden` when the credential may not, `NotFound`, and `Invalid` when the host refuses what was asked.
    """

    def repository(self) -> Hosted:
        """Return the repository as the host knows it by now, whatever name it was asked for under."""
        ...

    def expiry(self) -> datetime | None:
        """Return when the credential ends, None where the host says of no end; raises if it does not serve any more."""
        ...

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """Set a context's status on a commit: the newest one counts."""
        ...

    def publish(self, commit: str, check: Check, pull: int | None = None) -> None:
        """Show a check on a commit with its annotations, in place of the one that the context had there.

        Where the credential may not write checks, the status alone is set. GitLab has no annotations: there each
        becomes a discussion note on pull request `pull`, once, and is resolved when it no longer applies.
        """
        ...

    def pull(self, number: int) -> PullRequest:
        """Return a pull request."""
        ...

    def open_heads(self, target: str) -> dict[int, str]:
        """Return the head of each open pull request into a branch, by number: as few requests as a list takes."""
        ...

    def propose(self, source: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request, or return the one that is open between these two branches."""
        ...

    def close_pull(self, number: int) -> None:
        """Close a pull request without merging it; nothing happens if it is closed."""
        ...

    def comment(self, number: int, mark: str, body: str) -> None:
        """Keep one comment of ours on a pull request up to date; `mark` (an invisible line) finds it again."""
        ...

    def hooks(self) -> list[Hook]:
        """Return the repository's webhooks."""
        ...

    def save_hook(self, url: str, secret: str, hook: str | None = None) -> Hook:
        """Create the hook that delivers what we read to `url`, signed with `secret`, or make hook `hook` that one.

        It is active afterwards, also where the host had switched it off.
        """
        ...

    def test_hook(self, hook: str) -> None:
        """Have the host send a test delivery now."""
        ...

    def failed_deliveries(self, hook: str, since: datetime) -> list[FailedDelivery]:
        """Return the deliveries since then of which no attempt succeeded, oldest first, the last attempt of each."""
        ...

    def redeliver(self, hook: str, delivery: str) -> None:
        """Have the host send a failed delivery again; `delivery` is a `FailedDelivery.id`."""
        ...


class GitHosts(Protocol):
    """Opens the API of a repository's host."""

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git, which has no API; opening does no I/O."""
        ...
