"""The loopback GitLab as a party of the suite, spoken to with a project access token."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType

from shared.model.hosting import Access, CommitStatus, StatusState
from tests.gitlabhost import Fault, GitLabServer
from tests.gitlabhost.server import SECRET
from tests.gitlabhost.state import DEVELOPER, Event, User
from tests.gitserver import Clone, git

STATES: dict[str, StatusState] = {"pending": "pending", "running": "pending", "success": "success", "failed": "failure"}
LOOKER = "glpat-may-only-look"


@cache
def _begun(below: Path) -> Path:
    """Return a folder with a repository that has begun and a clone of it, to be copied: it is quicker than git."""
    folder = below / f"gitlab-{os.getpid()}"
    (folder / "hosted").mkdir(parents=True)
    with GitLabServer(folder / "hosted") as server:
        server.clone(server.create("ada/chaos"), folder / "clone").push("Begin.")
    return folder


class GitLabParty:
    """One project, `ada/chaos`."""

    shown: Mapping[StatusState, StatusState] = MappingProxyType({"error": "failure"})

    def __init__(self, folder: Path) -> None:
        shutil.copytree(_begun(folder.parent), folder, dirs_exist_ok=True)
        self.server = GitLabServer(folder / "hosted")
        self.server.start()
        self.project = self.server.adopt("ada/chaos")
        self.clone = Clone(folder / "clone")
        self.server.lead(self.project, self.clone.folder)
        self.server.add_token(LOOKER, User(8, "looker"), ("read_api",), DEVELOPER)
        self.login = SECRET
        self._address = self.server.address(self.project)

    @property
    def name(self) -> str:
        return self.project.path

    def access(self, *, denied: bool = False) -> Access:
        return Access(self._address, LOOKER if denied else self.login, "gitlab", allow_local=True)

    def expire(self, at: datetime) -> datetime | None:
        self.server.state.tokens[self.login].expires_at = at.date()
        return at

    def open(self, source: str, target: str, title: str) -> int:
        return self.server.open(self.project, source, target, title).iid

    def merge(self, number: int) -> None:
        self.server.merge(self.project, number)

    def statuses(self, commit: str) -> list[CommitStatus]:
        found = reversed(self.project.statuses(commit).values())
        return [CommitStatus(one.name, STATES[one.status], one.description or "", one.target_url) for one in found]

    def comments(self, number: int) -> list[str]:
        threads = self.project.merges[number].discussions
        return [one.notes[0].body for one in threads if one.individual]

    def chat(self, number: int, count: int) -> None:
        for place in range(count):
            self.server.comment(self.project, number, User(9, "ada"), f"Remark {place}")

    def deliver(self, hook: str, delivery: str, status: int, at: datetime, *, again: bool = False) -> None:
        del again
        kept = self.project.hooks[int(hook)]
        headers = {"Idempotency-Key": delivery, "X-Gitlab-Event": "Push Hook"}
        made = Event(self.server.state.new_id(), kept.url, "push_hooks", headers, {}, str(status), at)
        kept.events.append(made)

    def rename(self, name: str) -> None:
        self.server.move(self.project, name)

    def fail(self, status: int, seconds: int = 0, *, done: bool = False) -> None:
        headers = {"Retry-After": str(seconds)} if status == 429 else {}
        words = json.dumps({"message": f"{status} of {SECRET}"}).encode()
        methods = "POST|PUT" if done else "GET|POST|PUT|DELETE"
        self.server.fail(Fault(status, "/api/v4/projects", methods, headers, words, done=done))

    def branch(self, name: str, **files: str) -> str:
        """Push a branch with these files changed, `cart` being `cart.yaml`; return its head."""
        git("checkout", "-q", "-B", name, cwd=self.clone.folder)
        self.clone.branch = name
        for file, text in files.items():
            self.clone.write(f"{file}.yaml", text)
        return self.clone.push()

    def stop(self) -> None:
        self.server.stop()

    def judge(self) -> None:
        """Nothing is left to say: a call that GitLab would refuse was refused."""
