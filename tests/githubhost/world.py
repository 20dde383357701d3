"""What GitHub holds: repositories with their statuses, checks, pull requests, comments and hooks, and who may what."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.githubhost import plumbing

Kind = Literal["classic", "fine-grained", "app"]
_numbers = itertools.count(101)


@dataclass
class Token:
    """Who calls: `permissions` are GitHub's own names (`statuses`) with `read` or `write`; classic ones may all."""

    text: str
    kind: Kind = "fine-grained"
    permissions: Mapping[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    app: int | None = None

    def may(self, permission: str, level: str) -> bool:
        """Whether it has this right."""
        if self.kind == "classic" or permission == "metadata":
            return True
        return self.permissions.get(permission) in {level, "write"}


@dataclass
class App:
    """A GitHub App with its key, and the permissions of its installation; None where it is not installed."""

    number: int
    permissions: dict[str, str]
    installation: int | None
    lifetime: timedelta = timedelta(hours=1)

    @property
    def credential(self) -> str:
        """The secret that a project's settings refer to."""
        return json.dumps({"app_id": self.number, "private_key": _key().private})

    @property
    def public_key(self) -> str:
        """What its signatures are checked by."""
        return _key().public


@dataclass(frozen=True)
class _Key:
    private: str
    public: str


@cache
def _key() -> _Key:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return _Key(private, made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@dataclass
class Pull:
    """A pull request between two branches of the repository; `base` is where the target was when it was opened."""

    number: int
    title: str
    body: str
    source: str
    target: str
    head: str
    base: str
    state: Literal["open", "closed"] = "open"
    merged_at: str | None = None
    author: str = "ada"
    fork: str | None = None


@dataclass
class Hook:
    """A webhook, with the deliveries that it made, oldest first."""

    number: int
    config: dict[str, Any]
    events: list[str]
    active: bool = True
    last: dict[str, Any] = field(default_factory=lambda: {"code": None, "status": "unused", "message": None})
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    payloads: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Repository:
    """One repository: `folder` is the bare one that is served."""

    owner: str
    name: str
    folder: Path
    number: int = field(default_factory=lambda: next(_numbers))
    archived: bool = False
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    annotations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, dict[int, str]] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)

    @property
    def full_name(self) -> str:
        """Owner and name."""
        return f"{self.owner}/{self.name}"

    def protect(self, branch: str) -> None:
        """Let nobody but a pull request change a branch."""
        self.protected.add(branch)
        hook = self.folder / "hooks" / "update"
        refused = "\n".join(f'[ "$1" = "refs/heads/{name}" ] && exit 1' for name in sorted(self.protected))
        hook.write_text(
            f"#!/bin/sh\necho 'error: GH006: Protected branch update failed for' \"$1.\" >&2\n{refused}\nexit 0\n"
        )
        hook.chmod(0o755)

    def open(self, title: str, source: str, target: str, body: str = "", fork: str | None = None) -> Pull:
        """Open a pull request, numbered as issues are; with `fork`, the branch is in the repository of that owner."""
        number = len(self.pulls) + 1
        head, base = plumbing.commit(self.folder, source), plumbing.commit(self.folder, target)
        self.pulls[number] = Pull(number, title, body, source, target, head, base, fork=fork)
        plumbing.moved(self.folder, f"refs/pull/{number}/head", head, None)
        return self.pulls[number]

    def follow(self, pull: Pull) -> Pull:
        """Let an open pull request be where its branch is by now."""
        head = plumbing.commit(self.folder, pull.source) if pull.state == "open" else ""
        if head and head != pull.head:
            plumbing.moved(self.folder, f"refs/pull/{pull.number}/head", head, pull.head)
            pull.head = head
        return pull

    def merge(self, number: int) -> str:
        """Merge a pull request by a merge commit, as a person does on its page, and return the commit."""
        pull = self.follow(self.pulls[number])
        made = plumbing.merge(self.folder, pull.target, pull.head, f"Merge pull request #{number} from {pull.source}")
        pull.state, pull.merged_at = "closed", now()
        return made


def now() -> str:
    """Return the time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number() -> int:
    """Return an id that nothing else has; later ones are larger."""
    return next(_numbers)
