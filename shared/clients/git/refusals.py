"""Turns what git hosts and the network say into our errors, without a credential in any of them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import urllib3.exceptions
from dulwich.client import HTTPUnauthorized
from dulwich.errors import FileFormatException, GitProtocolError, NotGitRepository
from dulwich.file import FileLocked

from shared.clients.git.packets import TooMuch
from shared.clients.git.places import Place
from shared.errors import Forbidden, Invalid, LitmusGitopsError, NotFound, Protected, Stale, Unavailable

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOGIN: Final = re.compile(r"(\w+://)[^/@\s]*@")
_SAID: Final = 500
_NOT_THERE: Final = re.compile(r"does not appear to be a git repository|repository not (found|exported)", re.IGNORECASE)
"""How git's own commands, git-daemon and GitHub say that there is none."""
_PROTECTED: Final = re.compile(
    r"hook declined|GH006|GH013|repository rule violations|protected|TF402455|must use a pull request", re.IGNORECASE
)
"""How hosts say that a branch is protected: GitHub's branch protection and rule sets, Azure DevOps, and the hooks by
which GitLab, Gitea, Bitbucket and plain git refuse a push."""


def said(text: object) -> str:
    """Return a foreign sentence as one clean line of bounded length, with logins cut out of addresses."""
    return _CONTROL.sub(" ", _LOGIN.sub(r"\1", str(text))).strip()[:_SAID] or "it gave no reason"


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Raise our errors for whatever goes wrong with a repository."""
    try:
        yield
    except LitmusGitopsError:
        raise
    except tuple(_MEANINGS) as error:
        meaning = next(make for kind, make in _MEANINGS.items() if isinstance(error, kind))
        raise meaning(place, error) from error


def refused(place: Place, status: int) -> LitmusGitopsError:
    """Return what an HTTP status other than 200 means."""
    if status in {401, 407}:
        return Forbidden(f"{place.url} does not accept our login: mend the secret that `credential` names")
    if status == 403:  # noqa: PLR2004 - an HTTP status reads best as itself
        return Forbidden(f"{place.url} refuses this to our login: give it the right to do so")
    if status == 404:  # noqa: PLR2004 - likewise
        return NotFound(f"{place.url} is no repository, or `credential` may not see it")
    if 300 <= status < 400:  # noqa: PLR2004 - likewise
        return NotFound(f"{place.url} has moved to another host: set the new address as repo_url")
    return Unavailable(f"the git host {place.host} answered with HTTP status {status}")


def declined(place: Place, ref: bytes, words: str) -> Forbidden:
    """Return why the host did not move a ref, in its own words: `Protected` where a rule forbids it."""
    kind = Protected if _PROTECTED.search(words) else Forbidden
    return kind(f"{place.host} refused the push to {ref.decode()}: {said(words)}")


def _away(place: Place, error: Exception) -> LitmusGitopsError:
    where = place.host or place.url
    reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    return Unavailable(f"the git host {where} does not answer: {said(_plain(reason))}")


def _plain(reason: object) -> object:
    """Return the reason without urllib3's representation of the connection object before it."""
    return str(reason).rpartition("object at")[2].partition(">: ")[2] or str(reason)


def _unreadable(place: Place, error: Exception) -> LitmusGitopsError:
    if _NOT_THERE.search(str(error)):
        return NotFound(f"{place.url} is no git repository, or we may not see it")
    if "not our ref" in str(error):
        return Stale(f"{place.url} no longer offers the commit that its branch named: read it again")
    return Unavailable(f"the git host {place.host or place.url} broke off: {said(error)}")


_MEANINGS: Final[dict[type[Exception], Callable[[Place, Exception], LitmusGitopsError]]] = {
    NotGitRepository: lambda place, _: NotFound(f"{place.url} is no git repository, or we may not see it"),
    HTTPUnauthorized: lambda place, _: refused(place, 401),
    TooMuch: lambda place, _: Invalid(
        f"{place.url} sends more than we keep in memory: allow partial fetches there (uploadpack.allowFilter)"
    ),
    FileLocked: lambda place, _: Stale(f"another writer holds a lock in {place.url}"),
    PermissionError: lambda place, error: Forbidden(f"{place.url} may not be written by us: {said(error)}"),
    GitProtocolError: _unreadable,
    FileFormatException: _unreadable,
    zlib.error: _unreadable,
    urllib3.exceptions.HTTPError: _away,
    OSError: _away,
}
