"""What a subscriber answers to an order: that it took it, or why it never will; anything else is no answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.model.calls import Answer

TAKEN: Final = frozenset({200, 202})
"""What says that a subscriber has the order now, or had it before."""

_ENDS: Final[dict[int, tuple[str, str]]] = {
    400: ("subscriber", "its subscriber could not read it"),
    401: (
        "subscriber",
        "its subscriber holds another secret: give it the one of the cluster's registration, or new ones",
    ),
    409: ("subscriber", "its subscriber refused it"),
    410: ("expiry", "its subscriber found it too old"),
    413: ("subscriber", "its subscriber found it too large"),
    415: ("subscriber", "its subscriber could not read it"),
    422: ("subscriber", "its subscriber could not read it"),
}
"""What ends an order: by which rule, and in which words."""


def refusal(answer: Answer) -> tuple[str, str] | None:
    """Return the rule and the reason by which an order ends; None where it was taken, or is to be sent again."""
    if answer.status not in _ENDS:
        return None
    rule, sentence = _ENDS[answer.status]
    return rule, f"{sentence}: {_reason(answer)}"


def _reason(answer: Answer) -> str:
    """Return the answer's own words, whatever they are, short and on one line."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = body.decode("utf-8", "replace")
    if isinstance(said, dict):
        said = said.get("detail") or said.get("reason") or said.get("message")
    return " ".join(str(said or "no reason given").split())[:300]
