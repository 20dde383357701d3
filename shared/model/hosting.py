"""What a git host offers beyond git: statuses, checks, pull requests, hooks and their deliveries.

One vocabulary for all hosts: a merge request is a pull request, a discussion note an annotation.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.model.projects import Provider

StatusState = Literal["pending", "success", "failure", "error"]
Level = Literal["failure", "warning", "notice"]
PullState = Literal["open", "merged", "closed"]


class Access(msgspec.Struct, frozen=True):
    """How a repository and its host's API are reached; secrets are values here and never shown.

    `credential` is a token, `user:password`, an ssh key, or a GitHub App as JSON. `api_url` is None where it follows
    from `url`; `ca` is a PEM bundle that is trusted in place of the system's. `signed` has commits made through the
    host's API, so that the host signs them. `allow_local` accepts addresses on this machine or its network.
    """

    url: str
    credential: str | None = None
    provider: Provider = "git"
    api_url: str | None = None
    ca: str | None = None
    signed: bool = False
    allow_local: bool = False

    def __repr__(self) -> str:
        return f"Access({self.url!r})"


class Hosted(msgspec.Struct, frozen=True):
    """A repository as its host's API shows it: `name` is its full path there, `url` its page."""

    name: str
    url: str
    default_branch: str
    archived: bool = False


class CommitStatus(msgspec.Struct, frozen=True):
    """One context's word on a commit; `description` is at most 140 characters, `url` leads to the portal."""

    context: str
    state: StatusState
    description: str
    url: str | None = None


class Annotation(msgspec.Struct, frozen=True):
    """A remark on one line of a file in a commit; `line` and `column` count from 1."""

    path: str
    line: int
    message: str
    level: Level = "failure"
    title: str = ""
    column: int | None = None


class Check(msgspec.Struct, frozen=True):
    """A status with its reasons: `summary` is Markdown, `annotations` stand at the lines that they are about.

    `files` is what the files alone come to, which a check run says by itself, since it stays as it was written while
    the status moves on; None: the same as the status.
    """

    status: CommitStatus
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    files: StatusState | None = None


class PullRequest(msgspec.Struct, frozen=True):
    """A pull or merge request: merging `head` (on branch `source`) into branch `target`.

    `base` is the commit where the two parted, so that what differs between it and `head` is what the request changes.
    """

    number: int
    state: PullState
    head: str
    base: str
    source: str
    target: str
    title: str
    url: str
    author: str = ""


class Hook(msgspec.Struct, frozen=True):
    """A webhook as the host keeps it. `problem` is why it does not deliver, where the host says so.

    `events` are the host's own names; `verified` says that TLS certificates are checked.
    """

    id: str
    url: str
    events: tuple[str, ...]
    active: bool = True
    verified: bool = True
    problem: str | None = None


class FailedDelivery(msgspec.Struct, frozen=True):
    """A delivery that the host could not hand over; `id` names the attempt, `delivery` what all its attempts share.

    `at` is RFC 3339 UTC, `status` the HTTP status that the host got, 0 where there was no answer.
    """

    id: str
    delivery: str
    at: str
    event: str
    status: int
