"""Merge requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gitlab.exceptions import GitlabError

from shared.clients.hosts.gitlab.api import Api
from shared.clients.hosts.gitlab.shapes import Merge
from shared.clients.hosts.gitlab.texts import inert, short
from shared.errors import Invalid, NotYet
from shared.model.hosting import PullRequest, PullState

_STATES: Final[dict[str, PullState]] = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
"""A merge request is `locked` while GitLab merges it."""

_TITLE: Final = 255
_SOON: Final = 2.0
"""Seconds after which a diff that GitLab is still making is asked for again."""

_TAKEN: Final = 409


def one(api: Api, number: int) -> PullRequest:
    """Return a merge request: `NotYet` while GitLab makes its diff."""
    return _pull(prepared(api, number))


def prepared(api: Api, number: int) -> Merge:
    """Return a merge request with its diff's commits: `NotYet` while GitLab makes the diff."""
    merge = _look_up(api, number)
    if merge.parted is None:
        raise NotYet(f"GitLab has not made the diff of merge request !{number} yet", _SOON)
    return merge


def open_heads(api: Api, target: str) -> dict[int, str]:
    """Return the heads of the open merge requests into a branch: where each parted no list tells."""
    return {merge.iid: merge.sha for merge in _opened(api, target_branch=target) if merge.sha}


def propose(api: Api, source: str, target: str, title: str, body: str) -> PullRequest:
    """Open a merge request, or return the one that is open; GitLab allows one between two branches."""
    if number := _between(api, source, target):
        return one(api, number)
    words = {
        "source_branch": source,
        "target_branch": target,
        "title": short(title, _TITLE),
        "description": inert(body),
    }
    try:
        made = api.post("/merge_requests", words, Merge)
    except GitlabError as error:
        if error.response_code != _TAKEN:
            raise
        return one(api, _there(_between(api, source, target), str(error.error_message)))
    return one(api, made.iid)


def close(api: Api, number: int) -> None:
    """Close a merge request; GitLab refuses that for one that is closed or merged."""
    if _look_up(api, number).state == "opened":
        api.put(f"/merge_requests/{number}", {"state_event": "close"}, Merge)


def _opened(api: Api, **narrowed: str) -> Iterator[Merge]:
    return api.each("/merge_requests", Merge, state="opened", **narrowed)


def _between(api: Api, source: str, target: str) -> int | None:
    found = _opened(api, source_branch=source, target_branch=target)
    return next((merge.iid for merge in found if merge.source_project_id == api.number), None)


def _there(number: int | None, said: str) -> int:
    if number is None:
        raise Invalid(f"GitLab opens no merge request: {said[:500]}")
    return number


def _look_up(api: Api, number: int) -> Merge:
    return api.get(f"/merge_requests/{number}", Merge)


def _pull(merge: Merge) -> PullRequest:
    assert merge.parted is not None
    return PullRequest(
        number=merge.iid,
        state=_STATES[merge.state],
        head=merge.parted[1],
        base=merge.parted[0],
        source=merge.source_branch,
        target=merge.target_branch,
        title=merge.title,
        url=merge.web_url,
        author=merge.author.username if merge.author else "",
    )
