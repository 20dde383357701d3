"""Statuses: what is known of a commit, and what its git host was told about it."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.model.hosting import CommitStatus


class Concern(msgspec.Struct, frozen=True):
    """What bears on a commit's status: a run, or (`run` None) a trigger that made none, with the verdict and why.

    `at` is when the trigger came, RFC 3339 UTC; `workload` is the ledger's name of what changed, "" where nothing did.
    The verdict `due` says that a run is yet to be made, `observed` that it would have been.
    """

    experiment: str
    at: str
    cluster: str = ""
    workload: str = ""
    run: str | None = None
    verdict: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """What a later one of the same takes the place of."""
        return f"{self.experiment}/{self.cluster}/{self.workload}"


class Commit(msgspec.Struct, frozen=True):
    """What git says of a commit: whether a sync reached it as the head, and which of its files are invalid.

    `pull` is the open pull request whose head it is, with how many errors and warnings its changed files have.
    """

    synced: bool = False
    invalid: tuple[str, ...] = ()
    pull: int | None = None
    errors: int = 0
    warnings: int = 0

    @property
    def ours(self) -> bool:
        """Whether it is known as a commit of the repository."""
        return self.synced or self.pull is not None


class Posted(msgspec.Struct, frozen=True):
    """What the host shows of a commit; `status` is None while that is not sure.

    `until` (RFC 3339 UTC) is how long the one who is telling it now may take; `problem` is why it could not be told.
    `ours` says that it was known by then as a head of the repository.
    """

    status: CommitStatus | None = None
    until: str = ""
    problem: str = ""
    ours: bool = False


class Looked(msgspec.Struct, frozen=True):
    """An open pull request as it was looked at last; `commented` says whether it bears our comment.

    `base` is where it parted from its target, and `onto` that one's head at the time.
    """

    number: int
    head: str
    base: str
    at: str
    state: Literal["success", "failure"]
    commented: bool = False
    onto: str = ""
