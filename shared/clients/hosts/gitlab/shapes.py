"""What we read of GitLab's answers; all else in them is left alone.

Source: GitLab's REST API documentation, the page of each resource.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who wrote something."""

    id: int
    username: str = ""


class Token(msgspec.Struct, frozen=True):
    """The token that asks; it ends at the beginning of the day `expires_at`."""

    expires_at: str | None = None


class Project(msgspec.Struct, frozen=True):
    """A project; `default_branch` is null while its repository is empty."""

    id: int
    path_with_namespace: str
    web_url: str
    default_branch: str | None = None
    archived: bool = False


class Job(msgspec.Struct, frozen=True):
    """A commit status."""

    id: int
    name: str
    status: str
    description: str | None = None
    target_url: str | None = None

    def words(self) -> dict[str, str]:
        """Return what it was posted with, beside its state."""
        words = {"name": self.name, "description": self.description or ""}
        return words | ({"target_url": self.target_url} if self.target_url else {})


class DiffRefs(msgspec.Struct, frozen=True):
    """The commits that a merge request's diff lies between; null while GitLab makes it."""

    base_sha: str | None = None
    start_sha: str | None = None
    head_sha: str | None = None


class Merge(msgspec.Struct, frozen=True):
    """A merge request; lists of them come without `diff_refs`."""

    iid: int
    state: Literal["opened", "locked", "merged", "closed"]
    source_branch: str
    target_branch: str
    title: str
    web_url: str
    author: User | None = None
    sha: str | None = None
    source_project_id: int | None = None
    prepared_at: str | None = None
    diff_refs: DiffRefs | None = None

    @property
    def parted(self) -> tuple[str, str] | None:
        """Where the two branches parted and the head, None while GitLab makes the diff.

        A prepared merge request without these changes nothing.
        """
        refs = self.diff_refs
        if refs and refs.base_sha and refs.head_sha:
            return refs.base_sha, refs.head_sha
        return (self.sha, self.sha) if self.sha and self.prepared_at else None


class FileDiff(msgspec.Struct, frozen=True):
    """One file of a merge request's diff; `diff` is empty where GitLab finds it too large to show."""

    new_path: str
    old_path: str
    diff: str = ""
    new_file: bool = False
    deleted_file: bool = False


class Position(msgspec.Struct, frozen=True):
    """Where a note stands by now: GitLab moves it along with its line."""

    new_path: str | None = None
    new_line: int | None = None


class Note(msgspec.Struct, frozen=True):
    """A comment; `resolved_by` is who settled the thread that it is in."""

    id: int
    body: str
    author: User
    resolved: bool = False
    resolved_by: User | None = None
    position: Position | None = None


class Discussion(msgspec.Struct, frozen=True):
    """A thread of notes."""

    id: str
    notes: Annotated[tuple[Note, ...], msgspec.Meta(min_length=1)]


class WebHook(msgspec.Struct, frozen=True):
    """A webhook; `signing_token_present` is not there before GitLab 19.0, which ignores signing tokens.

    `push_events` and `merge_requests_events` are those that matter to us.
    """

    id: int
    url: str
    push_events: bool = False
    merge_requests_events: bool = False
    enable_ssl_verification: bool = True
    alert_status: str = "executable"
    disabled_until: str | None = None
    signing_token_present: bool = False

    @property
    def events(self) -> tuple[str, ...]:
        """GitLab's names of what is delivered to it, of those that matter."""
        names = ("push_events", "merge_requests_events")
        return tuple(name for name in names if getattr(self, name))


class HookEvent(msgspec.Struct, frozen=True):
    """One attempt to deliver; `response_status` is no number where nothing answered."""

    id: int
    request_headers: dict[str, str]
    response_status: str
    created_at: str | None = None


Shape = TypeVar("Shape")


def read(value: Any, shape: type[Shape]) -> Shape:
    """Return what we read of an answer: msgspec's `ValidationError` if it is not what GitLab documents."""
    return msgspec.convert(value, shape, strict=False)
