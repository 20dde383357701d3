"""Pull requests and the one comment that we keep on each."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.calls import Calls
from shared.clients.hosts.github.checks import short
from shared.errors import Invalid
from shared.model.hosting import PullRequest

_COMMENT, _TITLE = 65_000, 256
_THERE: Final = "already exists"


class Proposal(NamedTuple):
    """A pull request to be opened."""

    source: str
    target: str
    title: str
    body: str


class _Owner(msgspec.Struct, frozen=True):
    login: str


class _Repository(msgspec.Struct, frozen=True):
    id: int


class _End(msgspec.Struct, frozen=True):
    ref: str
    sha: str
    repo: _Repository | None = None


class _Pull(msgspec.Struct, frozen=True):
    number: int
    state: str
    head: _End
    base: _End
    title: str
    html_url: str
    user: _Owner | None = None
    merged_at: str | None = None

    @property
    def ours(self) -> bool:
        """Whether its branch is in the repository itself, and not in a fork."""
        return self.head.repo is not None and self.head.repo == self.base.repo


class _Commit(msgspec.Struct, frozen=True):
    sha: str


class _Comparison(msgspec.Struct, frozen=True):
    merge_base_commit: _Commit


class _Comment(msgspec.Struct, frozen=True):
    id: int
    body: str | None = None


def pull(calls: Calls, where: Address, number: int) -> PullRequest:
    """Return a pull request."""
    return _told(calls, where, calls.ask("GET", f"{where.path}/pulls/{number}", _Pull))


def open_heads(calls: Calls, where: Address, target: str) -> dict[int, str]:
    """Return the heads of the open pull requests into a branch: where each parted would take a request of its own."""
    found = calls.pages(f"{where.path}/pulls", _Pull, state="open", base=target)
    return {one.number: one.head.sha for one in found}


def propose(calls: Calls, where: Address, wanted: Proposal) -> PullRequest:
    """Open a pull request, or return the one that is open: GitHub keeps at most one between two branches."""
    body = {
        "title": short(wanted.title, _TITLE),
        "body": short(wanted.body, _COMMENT),
        "head": wanted.source,
        "base": wanted.target,
    }
    try:
        made = calls.ask("POST", f"{where.path}/pulls", _Pull, body)
    except Invalid as error:
        there = _between(calls, where, wanted) if _THERE in str(error) else None
        if there is None:
            raise
        made = there
    return _told(calls, where, made)


def comment(calls: Calls, where: Address, number: int, mark: str, body: str) -> None:
    """Write the comment that begins with `mark`, or change it if it says something else."""
    path = f"{where.path}/issues/{number}/comments"
    text = f"{mark}\n{short(body, _COMMENT)}"
    found = next((one for one in calls.pages(path, _Comment) if (one.body or "").startswith(mark)), None)
    if found is None:
        calls.tell("POST", path, {"body": text})
    elif (found.body or "").replace("\r\n", "\n") != text:
        calls.tell("PATCH", f"{where.path}/issues/comments/{found.id}", {"body": text})


def _between(calls: Calls, where: Address, wanted: Proposal) -> _Pull | None:
    """Return the open pull request between two branches; not asked for by owner, who may have been renamed."""
    found = calls.pages(f"{where.path}/pulls", _Pull, state="open", base=wanted.target)
    return next((one for one in found if one.ours and one.head.ref == wanted.source), None)


def _told(calls: Calls, where: Address, found: _Pull) -> PullRequest:
    merged = found.merged_at is not None
    return PullRequest(
        number=found.number,
        state="merged" if merged else "open" if found.state == "open" else "closed",
        head=found.head.sha,
        base=_parted(calls, where, found),
        source=found.head.ref,
        target=found.base.ref,
        title=found.title,
        url=found.html_url,
        author=found.user.login if found.user else "",
    )


def _parted(calls: Calls, where: Address, found: _Pull) -> str:
    """Return the commit where head and target parted.

    `base.sha` may be as old as the request: good enough for one that is over, too old for an open one whose branch has
    taken over later commits of its target.
    """
    target = quote(found.base.ref, safe="/") if found.state == "open" else found.base.sha
    path = f"{where.path}/compare/{target}...{found.head.sha}"
    return calls.ask("GET", path, _Comparison, per_page=1).merge_base_commit.sha
