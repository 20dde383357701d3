"""What the deliveries of all git hosts share: several live secrets, an id, and bodies that are what their event is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec

from shared.errors import BadInput, Unauthenticated
from shared.model.deliveries import Push

Commit = Annotated[str, msgspec.Meta(max_length=64)]
Ref = Annotated[str, msgspec.Meta(max_length=1024)]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Number = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]

T = TypeVar("T")
_ID_LIMIT = 128


class Secret(msgspec.Struct, frozen=True):
    """One live secret of a project: its reference, which may be shown, and its value, which may not."""

    reference: str
    value: str

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"


class _Body(msgspec.Struct, frozen=True):
    ref: Ref
    before: Commit = ""
    after: Commit = ""


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


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """Return a verified body as `what` it claims to be: `BadInput` if it is no JSON, or lacks what we act on."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"no {what} delivery: {error}") from error


def read_push(body: bytes, delivery: str, speaker: Literal["github", "gitlab", "git"]) -> Push:
    """Return the push in a verified body: `BadInput` if it is no JSON, names no ref, or one longer than git has."""
    push = decoded(_decoder, body, "push")
    return Push(delivery, push.ref, push.before, push.after, speaker)
