"""Commits that GitHub makes and signs, by the mutation `createCommitOnBranch`: GitHub is their author and committer."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, Final
from urllib.parse import quote

import msgspec

from shared.clients.git.commits import person
from shared.clients.git.places import Place
from shared.clients.git.refusals import declined
from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.calls import Calls, GraphQLRefusal
from shared.errors import Invalid, LitmusGitopsError, NotFound, NotYet, Stale, Unavailable
from shared.model.experiments import Draft

_THERE: Final = "already exists"
_TRAILER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*: .+")
_PATIENCE: Final = 60.0
"""Seconds after which GraphQL is asked again that had enough: it names no time."""


class _Made(msgspec.Struct, frozen=True):
    oid: str


class _Answer(msgspec.Struct, frozen=True):
    commit: _Made


class _Repository(msgspec.Struct, frozen=True):
    full_name: str


class _Object(msgspec.Struct, frozen=True):
    sha: str


class _Ref(msgspec.Struct, frozen=True):
    object: _Object


class Signing:
    """Makes signed commits in one repository."""

    def __init__(self, calls: Calls, where: Address, place: Place) -> None:
        self._calls, self._where, self._place = calls, where, place
        self._name = f"{where.owner}/{where.name}"

    def begin(self, branch: str, commit: str) -> None:
        """Create a branch: `Stale` if there is one with another head; one of an earlier try of ours will do."""
        try:
            self._calls.tell("POST", f"{self._where.path}/git/refs", {"ref": f"refs/heads/{branch}", "sha": commit})
        except Invalid as error:
            if _THERE not in str(error):
                raise
            there = self._calls.ask("GET", f"{self._where.path}/git/ref/heads/{quote(branch)}", _Ref)
            if there.object.sha != commit:
                raise Stale(f"branch {branch} was created meanwhile") from error

    def commit(self, branch: str, expected: str, draft: Draft) -> str:
        """Commit on top of `expected`: `Stale` if the branch is somewhere else or gone, `Protected` by its rules."""
        try:
            return self._commit(branch, expected, draft)
        except NotFound as error:
            name = self._calls.ask("GET", self._where.path, _Repository).full_name
            if name == self._name:
                raise Stale(f"branch {branch} is gone") from error
            self._name = name
            return self._commit(branch, expected, draft)

    def _commit(self, branch: str, expected: str, draft: Draft) -> str:
        told = {
            "branch": {"repositoryNameWithOwner": self._name, "branchName": branch},
            "expectedHeadOid": expected,
            "message": message(draft),
            "fileChanges": _changes(draft),
        }
        try:
            return self._calls.mutate("createCommitOnBranch", told, "commit { oid }", _Answer).commit.oid
        except GraphQLRefusal as refusal:
            raise self._meaning(branch, refusal) from refusal

    def _meaning(self, branch: str, refusal: GraphQLRefusal) -> LitmusGitopsError:
        kind, words = refusal.kind, str(refusal)
        if kind == "STALE_DATA":
            return Stale(f"branch {branch} moved while it was committed to")
        if kind == "NOT_FOUND":
            return NotFound(f"{self._where.host}: {words}")
        if kind == "RATE_LIMITED":
            return NotYet(f"{self._where.host} limits how often we may ask: {words}", _PATIENCE)
        if kind in {"FORBIDDEN", "UNPROCESSABLE"}:
            return declined(self._place, f"refs/heads/{branch}".encode(), words)
        return Unavailable(f"{self._where.host} did not commit: {words}")


def message(draft: Draft) -> dict[str, str]:
    """Return headline and body; the editor is named by a trailer, among those that the message ends with."""
    text = draft.message.strip()
    headline, _, body = text.partition("\n")
    paragraphs = body.strip().split("\n\n") if body.strip() else []
    trailer = f"Co-authored-by: {person(draft.author).decode()}"
    if paragraphs and all(_TRAILER.fullmatch(line) for line in paragraphs[-1].splitlines()):
        paragraphs[-1] += f"\n{trailer}"
    else:
        paragraphs.append(trailer)
    return {"headline": headline.strip(), "body": "\n\n".join(paragraphs)}


def _changes(draft: Draft) -> dict[str, Any]:
    written = [(path, text) for path, text in draft.changes.items() if text is not None]
    return {
        "additions": [{"path": path, "contents": b64encode(text).decode()} for path, text in written],
        "deletions": [{"path": path} for path, text in draft.changes.items() if text is None],
    }
