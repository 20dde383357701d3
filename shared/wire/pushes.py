"""What all git hosts' deliveries share: several live secrets, a delivery id, and a push that names a ref."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec

from shared.errors import BadInput, Unauthenticated
from shared.model.deliveries import Push

_ID_LIMIT = 128


class Secret(msgspec.Struct, frozen=True):
    """One live secret of a project: its reference, which may be shown, and its value, which may not."""

    reference: str
    value: str

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"


_Ref = Annotated[str, msgspec.Meta(max_length=1024)]
_Commit = Annotated[str, msgspec.Meta(max_length=64)]


class _Body(msgspec.Struct, frozen=True):
    ref: _Ref
    before: _Commit = ""
    after: _Commit = ""


_decoder = msgspec.json.Decoder(_Body)


def matching(secrets: Sequence[Secret], made_it: Callable[[Secret], bool]) -> Secret:
    """Return the secret that made the signature; all are tried, so that time tells nothing about which."""
    made = [secret for secret in secrets if made_it(secret)]
    if not made:
        raise Unauthenticated("the signature does not match: the git host and this project hold different secrets")
    return made[0]


def delivery_id(given: str | None, body: bytes) -> str:
    """Return the sender's delivery id where it is a usable one, else one made from the body."""
    if given and len(given) <= _ID_LIMIT and given.isascii() and given.isprintable() and "/" not in given:
        return given
    return hashlib.sha256(body).hexdigest()


def read_push(body: bytes, delivery: str, speaker: Literal["github", "gitlab", "git"]) -> Push:
    """Return the push in a verified body: `BadInput` if it is no JSON, names no ref, or one longer than git has."""
    try:
        push = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"no push delivery: {error}") from error
    return Push(delivery, push.ref, push.before, push.after, speaker)
