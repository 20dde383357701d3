"""What the server knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

DEVELOPER, MAINTAINER = 30, 40
"""GitLab's access levels."""


@dataclass(frozen=True)
class User:
    id: int
    username: str


@dataclass
class Token:
    """An access token: a personal one acts as a person, a project's as a user of its own."""

    value: str
    user: User
    scopes: frozenset[str]
    level: int
    expired: bool = False
    expires_at: date | None = None


@dataclass
class Status:
    id: int
    name: str
    ref: str
    pipeline: Pipeline
    user: User
    status: str = "created"
    description: str | None = None
    target_url: str | None = None
    retried: bool = False


@dataclass
class Pipeline:
    id: int
    sha: str
    ref: str
    source: str
    statuses: list[Status] = field(default_factory=list)


@dataclass(frozen=True)
class Version:
    """The commits that a diff lies between."""

    base: str
    start: str
    head: str


@dataclass
class Note:
    id: int
    author: User
    body: str
    kind: str | None
    created_at: datetime
    position: dict[str, Any] | None = None
    resolved_by: User | None = None
    system: bool = False


@dataclass
class Discussion:
    id: str
    notes: list[Note]
    individual: bool = False


@dataclass
class Merge:
    """A merge request; `fork` is the repository that its source branch is in, if not the project's own."""

    iid: int
    author: User
    source: str
    target: str
    title: str
    description: str
    state: str = "opened"
    fork: Path | None = None
    versions: list[Version] = field(default_factory=list)
    prepared_at: datetime | None = None
    discussions: list[Discussion] = field(default_factory=list)
    merged_as: str | None = None


@dataclass
class Event:
    """One attempt to deliver."""

    id: int
    url: str
    trigger: str
    request_headers: dict[str, str]
    request_data: dict[str, Any]
    response_status: str
    created_at: datetime


@dataclass
class Hook:
    id: int
    url: str
    settings: dict[str, Any]
    token: str = ""
    signing_token: str = ""
    failures: int = 0
    disabled_until: datetime | None = None
    events: list[Event] = field(default_factory=list)


@dataclass
class Project:
    """A project; the diffs of files that are `too_large` are not shown."""

    id: int
    path: str
    folder: Path
    archived: bool = False
    public: bool = False
    former: set[str] = field(default_factory=set)
    protected: set[str] = field(default_factory=lambda: {"main"})
    pipelines: list[Pipeline] = field(default_factory=list)
    merges: dict[int, Merge] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)

    def statuses(self, commit: str) -> dict[str, Status]:
        """Return the latest status of each name on a commit."""
        found = (one for line in self.pipelines if line.sha == commit for one in line.statuses)
        return {one.name: one for one in found if not one.retried}


@dataclass
class Fault:
    """What the server answers in place of what it would, `times` times; without `status` it hangs up.

    With `done` it does first what was asked of it; `through` lets the request pass, and only counts it.
    `path` is a regular expression that is searched for in the request's decoded path.
    """

    status: int | None = None
    path: str = ""
    method: str = "GET|POST|PUT|DELETE"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message":"500 Internal Server Error"}'
    content_type: str = "application/json"
    times: int = 1
    drip: float = 0.0
    done: bool = False
    through: bool = False

    def takes(self, method: str, path: str) -> bool:
        """Whether this request is one of those; counts it."""
        if self.times < 1 or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        self.times -= 1
        return True


@dataclass
class State:
    """All of one GitLab; `local_hooks` is the setting that lets webhooks reach the local network.

    Older releases tell no times of a hook's events: `tells_times` is for that.
    """

    root: Path
    url: str = ""
    release: tuple[int, int] = (19, 4)
    local_hooks: bool = True
    tells_times: bool = True
    preparing: bool = False
    ahead: timedelta = timedelta()
    projects: dict[int, Project] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    limits: dict[tuple[str, int, int], list[datetime]] = field(default_factory=dict)
    _last: int = 100

    def new_id(self) -> int:
        """Return a number that nothing has."""
        self._last += 1
        return self._last

    def now(self) -> datetime:
        """Return the server's time."""
        return datetime.now(UTC) + self.ahead

    def named(self, name: str) -> Project | None:
        """Return the project of a number, a path, or a path that it had."""
        if name.isdigit():
            return self.projects.get(int(name))
        found = (one for one in self.projects.values() if name == one.path or name in one.former)
        return next(found, None)
