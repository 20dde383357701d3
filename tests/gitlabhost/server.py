"""The server: who is asked, by whom, and what is answered over HTTP."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Self

from tests.gitlabhost import commits, deliveries, discussions, hooks, merges, projects, repositories
from tests.gitlabhost.http import handler
from tests.gitlabhost.state import MAINTAINER, Fault, Merge, Project, State, Status, Token, User
from tests.gitserver import Clone, LoopbackServer, bare, git

PARTS = (projects, commits, merges, discussions, hooks)
"""The parts of the API; importing them registers their routes."""

SECRET = "glpat-made-up-for-tests"


class GitLabServer:
    """A GitLab on loopback. A project's default token is a project access token with scope `api` as Maintainer.

    `state` is what it knows, for tests to look at and to change.
    """

    def __init__(self, root: Path) -> None:
        self.state = State(root)
        self._port = 0
        self._listener: LoopbackServer | None = None
        self.add_token(SECRET, User(7, "project_1_bot_c0ffee"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's address."""
        return self.state.url

    def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self._listener = LoopbackServer(("127.0.0.1", self._port), handler(self.state))
        self._port = self._listener.server_address[1]
        self.state.url = f"http://127.0.0.1:{self._port}"
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be away: nothing listens any more."""
        if self._listener:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener.hang_up()
            self._listener = None

    def create(self, path: str = "shop/chaos") -> Project:
        """Create an empty project under a full path."""
        folder = self.state.root / f"{path}.git"
        folder.parent.mkdir(parents=True, exist_ok=True)
        bare(folder)
        return self.adopt(path)

    def adopt(self, path: str) -> Project:
        """Make a project of a bare repository that is there."""
        folder = self.state.root / f"{path}.git"
        project = Project(self.state.new_id(), path, folder, heads=repositories.heads(folder))
        self.state.projects[project.id] = project
        return project

    def address(self, project: Project) -> str:
        """Return where the project's repository is cloned from."""
        return f"{self.url}/{project.path}.git"

    def clone(self, project: Project, folder: Path) -> Clone:
        """Return a person's working copy that pushes over HTTP, so that GitLab takes notice."""
        git("clone", "-q", "--template=", self._personal(project), str(folder))
        return Clone(folder)

    def lead(self, project: Project, folder: Path) -> None:
        """Have a working copy push to the project."""
        git("remote", "set-url", "origin", self._personal(project), cwd=folder)

    def _personal(self, project: Project) -> str:
        return self.address(project).replace("://", f"://ada:{SECRET}@", 1)

    def add_token(
        self,
        value: str,
        user: User,
        scopes: tuple[str, ...] = ("api",),
        level: int = MAINTAINER,
        *,
        expired: bool = False,
    ) -> Token:
        """Add an access token."""
        self.state.tokens[value] = Token(value, user, frozenset(scopes), level, expired)
        return self.state.tokens[value]

    def move(self, project: Project, path: str) -> None:
        """Move a project, which stays known under the path that it had."""
        folder = self.state.root / f"{path}.git"
        folder.parent.mkdir(parents=True, exist_ok=True)
        project.folder.rename(folder)
        project.former.add(project.path)
        project.path, project.folder = path, folder

    def fail(self, fault: Fault) -> None:
        """Have coming requests fail."""
        self.state.faults.append(fault)

    def later(self, **delta: float) -> None:
        """Let time pass; keywords are those of a timedelta."""
        self.state.ahead += timedelta(**delta)

    def prepare(self, project: Project) -> None:
        """Make the diffs that are still to be made."""
        for one in project.merges.values():
            if one.prepared_at is None:
                merges.prepare(self.state, project, one)

    def open(self, project: Project, source: str, target: str, title: str) -> Merge:
        """Open a merge request as a person."""
        return merges.begun(self.state, project, Merge(0, User(9, "ada"), source, target, title, ""))

    def from_fork(self, project: Project, folder: Path, branch: str, target: str = "main") -> Merge:
        """Open a merge request from a branch of another repository."""
        return merges.begun(
            self.state, project, Merge(0, User(9, "ada"), branch, target, "From a fork", "", fork=folder)
        )

    def merge(self, project: Project, number: int) -> str:
        """Merge a merge request as a person does, with all that follows; return the merge commit."""
        merge = project.merges[number]
        made = merges.merged(project, merge)
        deliveries.pushed(self.state, project)
        deliveries.merge(self.state, project, merge, "merge")
        return made

    def comment(self, project: Project, number: int, author: User, body: str) -> None:
        """Have a person comment on a merge request."""
        discussions.said(self.state, project.merges[number], author, body)

    def statuses(self, project: Project, commit: str) -> dict[str, Status]:
        """Return the latest status of each name on a commit."""
        return project.statuses(commit)
