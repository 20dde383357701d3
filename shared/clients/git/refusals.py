"""Turns what git hosts and the network say into our errors, without a credential in any of them."""

from __future__ import annotations

import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import urllib3.exceptions
from dulwich.client import HTTPUnauthorized
from dulwich.errors import FileFormatException, GitProtocolError, NotGitRepository
from dulwich.file import FileLocked

from shared.clients.git.packets import TooMuch
from shared.clients.git.places import Place
from shared.errors import (
    Forbidden,
    Invalid,
    LitmusGitopsError,
    NotFound,
    NotYet,
    Protected,
    Stale,
    Unavailable,
)


class LoginRefused(Forbidden):
    """The host does not know who we are, as it might a moment later by a new token."""


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOGIN: Final = re.compile(r"(\w+://)[^/@\s]*@")
_SAID: Final = 500
_GONE: Final = (NotFound, "{url} is no repository, or `credential` may not see it")
_REFUSALS: Final[Mapping[int, tuple[type[LitmusGitopsError], str]]] = {
    401: (LoginRefused, "{url} does not accept our login: mend the secret that `credential` names"),
    403: (Forbidden, "{url} refuses this to our login: give it the right to do so"),
    404: _GONE,
    407: (Forbidden, "the proxy for {host} does not accept our login: mend HTTPS_PROXY or HTTP_PROXY"),
    410: _GONE,
    451: _GONE,
}
_WAITING: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE})
"""Statuses that ask us to wait where `Retry-After` comes with them: so do the rate limits of some hosts."""

_PATIENCE: Final = 60.0
"""Seconds that a host is left alone which asks us to wait and does not say for how long."""

_LONGEST: Final = 900.0
"""Seconds after which even a host that asked for more is asked again."""

_NOT_THERE: Final = re.compile(r"does not appear to be a git repository|repository not (found|exported)", re.IGNORECASE)
"""How git's own commands, git-daemon and GitHub say that there is none."""
_LOCKED: Final = re.compile(
    r"cannot lock ref\b.*(?:File exists|but expected|already exists)", re.IGNORECASE | re.DOTALL
)
"""How git says that another push holds a ref, or has moved it since ours was begun."""

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


def refused(place: Place, status: int, headers: Mapping[str, str] | None = None) -> LitmusGitopsError:
    """Return what an HTTP status other than 200 means; `NotYet` where the host asks us to wait."""
    waits = (headers or {}).get("Retry-After")
    if status == HTTPStatus.TOO_MANY_REQUESTS or (waits and status in _WAITING):
        asks = f"the git host {place.host} asks us to wait (HTTP status {status}): it is asked again when that is over"
        return NotYet(asks, _seconds(waits))
    if status in _REFUSALS:
        kind, sentence = _REFUSALS[status]
        return kind(sentence.format(url=place.url, host=place.host))
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's class of redirections
        return NotFound(f"{place.url} has moved to another host: set the new address as repo_url")
    return Unavailable(f"the git host {place.host} answered with HTTP status {status}")


def _seconds(waits: str | None) -> float:
    """Return how long `Retry-After` asks for, in seconds or until a date (RFC 9110, 10.2.3), within bounds."""
    text = (waits or "").strip()
    seconds = _PATIENCE
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    elif text:
        with suppress(ValueError):
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
    return min(max(seconds, 1.0), _LONGEST)


def declined(place: Place, ref: bytes, words: str) -> Forbidden | Stale:
    """Return why the host did not move a ref, in its own words: `Protected` where a rule forbids it.

    `Stale` where somebody else is about to move it, and holds git's lock of it.
    """
    if _LOCKED.search(words):
        return Stale(f"somebody else is moving {ref.decode()} at {place.host}: {said(words)}")
    kind = Protected if _PROTECTED.search(words) else Forbidden
    return kind(f"{place.host} refused the push to {ref.decode()}: {said(words)}")


def _away(place: Place, error: Exception) -> LitmusGitopsError:
    where = place.host or place.url
    reason = (error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else None) or error
    doubt = next((one for one in reason.args if isinstance(one, ssl.SSLCertVerificationError)), None)
    if doubt is not None:
        return Unavailable(
            f"the certificate of the git host {where} is not to be trusted ({said(doubt.verify_message)}): "
            "put the CA that signed it into the secret that `ca_bundle` names"
        )
    if isinstance(reason, urllib3.exceptions.ProxyError):
        found = said(_plain(reason.original_error))
        return Unavailable(f"the proxy does not lead to the git host {where}: {found}: check HTTPS_PROXY or HTTP_PROXY")
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
