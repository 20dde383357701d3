"""What hosts say when they refuse, as our errors: what was found, how to mend it, and no credential."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LitmusGitopsError,
    NotFound,
    NotYet,
    Unavailable,
)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOGIN: Final = re.compile(r"(\w+://)[^/@\s]*@")
_SAID: Final = 300
_MEANINGS: Final[tuple[tuple[type[LitmusGitopsError], set[int], str], ...]] = (
    (Forbidden, {401}, "{host} does not accept our credential: mend the secret that `credential` names"),
    (Forbidden, {403, 451}, "{host} refuses {what}: {message}{needed}"),
    (NotFound, {404, 410}, "{host} has no {what}, or `credential` may not see it: {message}"),
    (Conflict, {409, 423}, "{host} cannot do {what} now: {message}"),
    (Invalid, {400, 405, 406, 413, 415, 422}, "{host} refuses {what}: {message}"),
)
_SHORTEST, _LONGEST = 1.0, 3600.0
_PATIENCE: Final = 60.0
"""Seconds that GitHub asks to wait where a secondary limit names none (REST, "Best practices")."""


def said(text: object, secret: str | None = None) -> str:
    """Return a foreign sentence as one clean line of bounded length, with logins and the secret cut out."""
    plain = _CONTROL.sub(" ", _LOGIN.sub(r"\1", str(text)))
    return (plain.replace(secret, "…") if secret else plain).strip()[:_SAID] or "it gave no reason"


def refused(host: str, what: str, status: int, message: str, headers: Mapping[str, str]) -> LitmusGitopsError:
    """Return what an HTTP status means; `what` is what was asked for, `message` is already clean."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and limited(message, headers)):
        seconds = delay(headers)
        return NotYet(f"{host} limits how often we may ask: it is asked again in {seconds:.0f} s", seconds)
    for meaning, statuses, sentence in _MEANINGS:
        if status in statuses:
            words = {"host": host, "what": what, "message": message, "needed": _needed(headers)}
            return meaning(sentence.format_map(words))
    return Unavailable(f"{host} answered {what} with HTTP status {status}: {message}")


def limited(message: str, headers: Mapping[str, str]) -> bool:
    """Whether a 403 is a rate limit and no lack of rights."""
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in message.lower()


def delay(headers: Mapping[str, str]) -> float:
    """Return the seconds that a limit asks for: `Retry-After` (RFC 9110, 10.2.3), or the time of the reset."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    if after.isdigit():
        seconds = float(after)
    elif after:
        seconds = _until(after)
    else:
        seconds = float(reset) - time.time() if reset.isdigit() else _PATIENCE
    return min(max(seconds, _SHORTEST), _LONGEST)


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return _PATIENCE


def _needed(headers: Mapping[str, str]) -> str:
    """Name what the credential lacks, as GitHub's headers do."""
    if "x-github-sso" in headers:
        return "; authorise the token for the organisation's single sign-on"
    needed = headers.get("x-accepted-github-permissions")
    return f"; the credential needs {said(needed)}" if needed else "; give the credential the right to do so"
