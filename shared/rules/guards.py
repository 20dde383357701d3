"""Proof that a change is still there: nothing starts for a change that was undone, or that never came to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.model.changes import Changed as Field
from shared.model.orders import Guard
from shared.rules.digests import content, digest
from shared.rules.paths import value_at
from shared.rules.sealing import sealed_content

PERSISTS_WITHIN: Final = 60.0
"""Seconds that a change, seen before it was persisted, is given to appear."""


class Proved(msgspec.Struct, frozen=True):
    """Every changed field has the value that triggered."""


class Changed(msgspec.Struct, frozen=True):
    """These fields have other values now; `found` is the digest of what stands there, to see it move."""

    paths: tuple[str, ...]
    found: str = ""


class Gone(msgspec.Struct, frozen=True):
    """There is no such object."""


class OtherUid(msgspec.Struct, frozen=True):
    """The name belongs to another object now."""

    uid: str


NEVER: Final = "never persisted"
REVERTED: Final = "reverted"
"""How the refusals of a guard begin, where a change did not come, and where it did not last."""

Proof = Proved | Changed | Gone | OtherUid


class Doubt(msgspec.Struct, frozen=True):
    """What was seen while the proof failed: `since` in seconds, whether it ever held, and the first digest found."""

    waited: float
    held: bool = False
    first: str = ""


def prove(obj: Mapping[str, Any] | None, guard: Guard, newest: bytes, *former: bytes) -> Proof:
    """Compare the live object, at whatever generation, with what the guard remembers of the change.

    A key seals values before they are compared, so that a guard never tells one: those of a Secret always, all others
    where the change came sealed. It may have come so under a `former` key; the newest one says what differs.
    """

    def under(key: bytes) -> Proof:
        return prove_content(None if obj is None else content(obj, key), guard, key)

    proof = under(newest)
    if isinstance(proof, Changed):
        return next((found for found in map(under, former) if isinstance(found, Proved)), proof)
    return proof


def prove_content(seen: Mapping[str, Any] | None, guard: Guard, key: bytes | None = None) -> Proof:
    """Compare an object as it is kept (`Side.content`) with what the guard remembers; `key` seals as for `prove`."""
    if seen is None:
        return Gone()
    uid = str((seen.get("metadata") or {}).get("uid") or "")
    if uid != guard.uid:
        return OtherUid(uid)
    found = {one.path: digest(value_at(seen, one.path)) for one in guard.changed}
    off = tuple(one.path for one in guard.changed if found[one.path] != one.digest)
    if off and key is not None:
        hidden = sealed_content(seen, key)
        off = tuple(one.path for one in guard.changed if not _stands(one, found[one.path], hidden))
    return Changed(off, digest(found)) if off else Proved()


def _stands(one: Field, found: str, hidden: Mapping[str, Any]) -> bool:
    return one.digest in {found, digest(value_at(hidden, one.path))}


def refusal(proof: Changed | Gone | OtherUid, doubt: Doubt) -> str | None:
    """Return why the order must not act, or None while the change may still be persisted.

    A value that held before was undone. One that never did is given `PERSISTS_WITHIN` seconds, since an admission
    review precedes persistence, and since a client that lost a race tries again: what moves meanwhile may be others'.
    """
    if isinstance(proof, OtherUid):
        return f"{REVERTED}: the workload was deleted, and its name belongs to another one now"
    if doubt.held:
        return _undone(proof)
    if doubt.waited < PERSISTS_WITHIN:
        return None
    if isinstance(proof, Changed) and doubt.first and doubt.first != proof.found:
        return _undone(proof)
    where = f"{', '.join(proof.paths[:3])} still differs" if isinstance(proof, Changed) else "there is no such workload"
    return f"{NEVER}: {where} after {PERSISTS_WITHIN:.0f} s"


def _undone(proof: Changed | Gone) -> str:
    if isinstance(proof, Gone):
        return f"{REVERTED}: the workload was deleted"
    return f"{REVERTED}: {', '.join(proof.paths[:3])} no longer has the value that triggered"
