"""The shop with its repository on a loopback git host, and people's hands on its pull requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.clients.ids import new_id
from shared.errors import NotFound
from shared.model.messages import Message
from shared.ports.git import GitHost
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import Party, host
from tests.gitserver import git
from tests.services.gitops import FOLDER, Shop

PROTECTED = """\
#!/bin/sh
while read -r _ _ ref; do
  if [ "$ref" = refs/heads/main ]; then
    echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2
    echo 'error: Changes must be made through a pull request.' >&2
    exit 1
  fi
done
"""
"""What GitHub says where its branch protection is met."""


class Forge(Shop):
    """The shop, with its repository at a host that has pull requests."""

    def __init__(self, folder: Path, make: Callable[[Path], Party] = GitHubParty) -> None:
        self.hosted = folder / "hosted"
        self.hosted.mkdir()
        self.party = make(self.hosted)
        self.access = self.party.access()
        super().__init__(folder)
        self.person = self.party.clone
        self.configure()

    def close(self) -> None:
        """Stop serving, and fail if the host would have refused a call."""
        super().close()
        self.party.stop()
        self.party.judge()

    def secret(self, reference: str) -> str:  # type: ignore[override]
        """Know the credential."""
        if reference != "file:token" or self.access.credential is None:
            raise NotFound("no such secret")
        return self.access.credential

    @property
    def bare(self) -> Path:
        """The repository's folder on the server."""
        return next(self.hosted.rglob("chaos.git"))

    @property
    def host(self) -> GitHost:
        """The host's API, as the product opens it."""
        return host(self.party)

    def configure(self, **changes: Any) -> None:
        """Set the project's GitOps: by pull request unless changed."""
        known = {"repo_url": self.access.url, "provider": self.access.provider, "credential": "file:token"}
        super().configure(**known | {"write_back": "pull_request"} | changes)

    def protect(self) -> None:
        """Let nobody push to main, as a real hook does."""
        hook = self.bare / "hooks" / "pre-receive"
        hook.write_text(PROTECTED)
        hook.chmod(0o755)

    def merged(self, number: int) -> None:
        """Merge a pull request as a person, and hear of it."""
        self.party.merge(number)
        self.hear(number)

    def closed(self, number: int) -> None:
        """Close a pull request as a person, and hear of it."""
        self.host.close_pull(number)
        self.hear(number)

    def hear(self, number: int) -> None:
        """Follow a pull request, as its delivery makes us, and work off what comes of it."""
        self.store.commit([], [Message(new_id(), "sync", "proposal", {"project": "shop", "number": str(number)})])
        self.tell()
        self.work()

    def tick(self) -> None:
        """Look after everything, as the timer does."""
        self.store.commit([], [Message(new_id(), "reconcile", "tick", {})])
        self.work()

    def branches(self) -> list[str]:
        """Return the names of all branches but main."""
        names = git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=self.bare).splitlines()
        return [name for name in names if name != "main"]

    def text_on(self, branch: str, name: str = "cart") -> str:
        """Return a manifest as a branch has it."""
        return git("show", f"{branch}:{FOLDER}/{name}.yaml", cwd=self.bare) + "\n"
