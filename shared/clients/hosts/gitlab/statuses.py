"""Statuses on commits: GitLab keeps each as a job of a pipeline, with the transitions of one.

Source of the rules: GitLab's documentation, "Commits API", "Set commit pipeline status". A status is attached to the
newest pipeline of its commit, whatever ref that is for, or makes one of source `external`; naming no `ref` lets it
appear where GitLab's own pipelines for the commit do, those of merge requests included.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from gitlab.exceptions import GitlabError

from shared.clients.hosts.gitlab.api import Api
from shared.clients.hosts.gitlab.shapes import Merge
from shared.clients.hosts.gitlab.texts import short
from shared.errors import NotYet
from shared.model.hosting import CommitStatus

_STATES: Final = {
    "pending": ("pending", "running"),
    "success": ("success",),
    "failure": ("failed",),
    "error": ("failed",),
}
"""GitLab's words, each to be tried where the one before is refused: one state can be left only for another."""

_LONGEST: Final = 140
"""Characters of a description; GitHub takes no more, and GitLab shows no more."""

_LONGEST_URL: Final = 255
_BUSY: Final = 409
_SAME: Final = "cannot transition status"
_NO_BRANCH: Final = "References for commit"


def post(api: Api, commit: str, status: CommitStatus) -> None:
    """Set a status; what is still pending may become `running`, so that it can take a new description once.

    After that GitLab keeps the description until the status is no longer pending, which is no error of ours.
    """
    for state in _STATES[status.state]:
        if _moved(api, commit, {"state": state, **_words(status)}):
            return


def _words(status: CommitStatus) -> dict[str, str]:
    words = {"name": status.context, "description": short(status.description, _LONGEST)}
    return words | {"target_url": status.url} if status.url and len(status.url) <= _LONGEST_URL else words


def _moved(api: Api, commit: str, words: dict[str, str]) -> bool:
    """Post; return whether the status took it."""
    try:
        api.post(f"/statuses/{quote(commit, safe='')}", words, dict[str, Any])
    except GitlabError as error:
        if _SAME in str(error.error_message).lower():
            return False
        if error.response_code == _BUSY:
            raise NotYet("GitLab is at work on this very status") from error
        ref = _fork_ref(api, commit) if _NO_BRANCH in str(error.error_message) and "ref" not in words else None
        if ref is None:
            raise
        return _moved(api, commit, {**words, "ref": ref})
    return True


def _fork_ref(api: Api, commit: str) -> str | None:
    """Return the ref that GitLab keeps for the merge request of a commit that is on no branch here: it is a fork's."""
    merges = api.each(f"/repository/commits/{quote(commit, safe='')}/merge_requests", Merge)
    return next((f"refs/merge-requests/{one.iid}/head" for one in merges if one.state == "opened"), None)
