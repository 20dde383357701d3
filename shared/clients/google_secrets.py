"""Google's Secret Manager: the text of a secret, by its name."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Final

import msgspec

from shared.clients.google import Google
from shared.errors import Misconfigured, Unavailable
from shared.model.calls import Answer

_PERMANENT: Final = frozenset({400, 403, 404})
_WHOLE: Final = re.compile(r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]{1,255}")
ENDPOINT: Final = "https://secretmanager.googleapis.com"


class _Payload(msgspec.Struct):
    data: str


class _Version(msgspec.Struct):
    payload: _Payload


def open_google_secrets(google: Google | None = None, endpoint: str = ENDPOINT) -> Callable[[str], str]:
    """Return what reads the newest version of a secret, by its name in our own project, or by its whole name.

    A whole name is `projects/P/secrets/NAME`. Raises `Misconfigured` where there is no such text for us, `Unavailable`
    where Secret Manager does not answer. Neither the value nor Google's own words stand in an error.
    """
    line = google or Google()

    def read(name: str) -> str:
        whole = name if _WHOLE.fullmatch(name) else f"projects/{line.project}/secrets/{name}"
        return _text(whole, line.call("GET", f"{endpoint}/v1/{whole}/versions/latest:access"))

    return read


def _text(name: str, answer: Answer) -> str:
    if answer.status in _PERMANENT:
        raise Misconfigured(
            f"the secret {name} cannot be read from Secret Manager (status {answer.status}): create it with a version, "
            "and let this service account have roles/secretmanager.secretAccessor on it"
        )
    if answer.status != 200:  # noqa: PLR2004 - HTTP: success
        raise Unavailable(f"the secret {name} cannot be read from Secret Manager now (status {answer.status})")
    try:
        assert isinstance(answer.body, bytes)
        return base64.b64decode(msgspec.json.decode(answer.body, type=_Version).payload.data).decode()
    except (msgspec.DecodeError, ValueError) as error:
        raise Misconfigured(f"the secret {name} in Secret Manager holds no text in UTF-8") from error
