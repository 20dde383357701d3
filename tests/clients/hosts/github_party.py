"""The loopback GitHub as a party of the suite, spoken to with a token or as a GitHub App."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from types import MappingProxyType

from shared.model.hosting import Access, CommitStatus, StatusState
from tests.githubhost import Fault, GitHubServer, secondary_limit
from tests.githubhost.webhooks import record
from tests.githubhost.world import number
from tests.gitserver import Clone, bare, clone

RIGHTS = {
    "contents": "write",
    "pull_requests": "write",
    "statuses": "write",
    "repository_hooks": "write",
    "checks": "write",
}

CALLS = " /api/v3/repos/(?!.*/installation$)"
"""All but what a GitHub App asks before its first call."""


@cache
def _begun() -> Path:
    """Make a repository and a clone of it once in a process: they are copied for each test."""
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder)
    clone(bare(folder / "bare"), folder / "clone").push("Begin.")
    return folder


def _cloned(repository: Path, folder: Path) -> Clone:
    copytree(_begun() / "clone", folder)
    config = folder / ".git" / "config"
    config.write_text(config.read_text().replace(str(_begun() / "bare"), str(repository)))
    return Clone(folder)


class GitHubParty:
    """One repository, `ada/chaos`."""

    shown: Mapping[StatusState, StatusState] = MappingProxyType({})

    def __init__(self, folder: Path, *, app: bool = False) -> None:
        self.server = GitHubServer(folder / "hosted")
        self.server.start()
        self.repository = self.server.adopt("ada/chaos", _begun() / "bare")
        self.clone = _cloned(self.repository.folder, folder / "clone")
        self._address = f"{self.server.url}/ada/chaos.git"
        self.credential = self.server.app(RIGHTS).credential if app else self.server.token(RIGHTS)

    @property
    def name(self) -> str:
        return self.repository.full_name

    def access(self, *, denied: bool = False) -> Access:
        credential = self.server.token({"contents": "read"}) if denied else self.credential
        return Access(self._address, credential, "github", allow_local=True)

    def expire(self, at: datetime) -> datetime | None:
        token = self.server.tokens.get(self.credential)
        if token is None:
            return None
        token.expires = at
        return at

    def open(self, source: str, target: str, title: str) -> int:
        return self.repository.open(title, source, target).number

    def merge(self, number: int) -> None:
        self.repository.merge(number)

    def statuses(self, commit: str) -> list[CommitStatus]:
        runs = [run for run in reversed(self.repository.checks) if run["head_sha"] == commit]
        shown = [CommitStatus(run["name"], run["conclusion"] or "pending", run["output"]["title"]) for run in runs]
        kept = self.repository.statuses.get(commit, [])
        return shown + [
            CommitStatus(one["context"], one["state"], one["description"], one["target_url"]) for one in kept
        ]

    def comments(self, number: int) -> list[str]:
        return list(self.repository.comments.get(number, {}).values())

    def chat(self, number_: int, count: int) -> None:
        kept = self.repository.comments.setdefault(number_, {})
        kept.update({number(): f"Remark {place}" for place in range(count)})

    def deliver(self, hook: str, delivery: str, status: int, at: datetime, *, again: bool = False) -> None:
        moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        record(self.repository.hooks[int(hook)], "push", status, "OK", delivery, again=again, at=moment)

    def rename(self, name: str) -> None:
        self.server.rename(self.repository.full_name, name)

    def fail(self, status: int, seconds: int = 0, *, done: bool = False) -> None:
        if status == 429:
            self.server.faults.append(secondary_limit(CALLS, seconds))
        else:
            self.server.faults.append(Fault(CALLS, status, done=done))

    def stop(self) -> None:
        self.server.stop()

    def judge(self) -> None:
        self.server.judge()
