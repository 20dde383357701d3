"""What chaos made of a workload, field by field, so that taking it back is known as such whenever it comes."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.model.changes import Change, Changed, Harm, Side, Tracked
from shared.model.runs import Active
from shared.rules.autoscalers import scaler_of
from shared.rules.digests import digest
from shared.rules.paths import value_at
from shared.rules.runs import BEGUN

LIMIT: Final = 64
"""Fields moved by chaos that are remembered of one workload."""

ACCOUNT: Final = "system:serviceaccount:"
"""How the API server's names of service accounts begin, before `<namespace>:<name>`."""


def suspect(change: Change) -> bool:
    """Whether chaos may have made a change: it goes by service accounts, and heartbeats name nobody."""
    unnamed_or_account = not change.actor or change.actor.startswith(ACCOUNT)
    return change.old is not None and unnamed_or_account and not scaler_of(change)


def account(actor: str) -> str:
    """Return the name of a service account without its namespace, empty if the actor is none."""
    return actor.removeprefix(ACCOUNT).partition(":")[2] if actor.startswith(ACCOUNT) else ""


def maker(change: Change, active: tuple[Active, ...]) -> str:
    """Return the run whose chaos made a change, empty if none did.

    It acts by its accounts; a change without an actor is taken for its own while it targets the workload.
    """
    name = account(change.actor)
    made = (one.run for one in active if _made(change, name, one))
    return next(made, "") if suspect(change) else ""


def harmed(tracked: Tracked, change: Change, run: str, fact: Side | None = None) -> Tracked:
    """Return the record that knows what the chaos of `run` moved, and from where.

    Where the change was compared with a candidate, which may have been denied, it may have found the `fact` instead.
    """
    sides = (fact, change.old) if fact else (change.old,)
    steps = [Harm(one.path, _digest(side, one.path), one.digest, run) for side in sides for one in change.changed]
    done = list(dict.fromkeys(one for one in steps if one.before != one.after))
    kept = [one for one in tracked.harms if not any(_alike(one, other) for other in done)]
    return msgspec.structs.replace(tracked, harms=(*kept, *done)[-LIMIT:])


def healed(tracked: Tracked, change: Change) -> Tracked:
    """Return the record without the harm to fields that somebody else has moved since."""
    moved = {one.path for one in change.changed}
    return msgspec.structs.replace(tracked, harms=tuple(one for one in tracked.harms if one.path not in moved))


def undone(harms: tuple[Harm, ...], old: Side | None, changed: tuple[Changed, ...]) -> str:
    """Return the run whose chaos a change takes back: each field goes from what chaos made of it to what it found."""
    if not harms:
        return ""
    back = [_undone(harms, _digest(old, one.path), one) for one in changed]
    return back[-1] if back and all(back) else ""


def _undone(harms: tuple[Harm, ...], before: str, one: Changed) -> str:
    """Return the run that moved a field away from where it goes back to, the last step first, empty if none did."""
    at, found = {before}, ""
    for harm in reversed(harms):
        if harm.path == one.path and harm.after in at:
            at, found = {*at, harm.before}, harm.run
    return found if one.digest in at and one.digest != before else ""


def _made(change: Change, name: str, one: Active) -> bool:
    if change.actor:
        return name in one.service_accounts
    return one.state in BEGUN and one.workload == change.workload.subject


def _alike(one: Harm, other: Harm) -> bool:
    return (one.path, one.before, one.after) == (other.path, other.before, other.after)


def _digest(side: Side | None, path: str) -> str:
    return digest(value_at(side.content if side else None, path))
