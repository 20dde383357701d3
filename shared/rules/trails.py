"""What is remembered of a workload from one sighting to the next, and how two of its states are judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.model.changes import GITOPS, SEEN_LIMIT, Change, Claim, Side, Sighting, Tracked
from shared.rules import claims, sides
from shared.rules.digests import digest
from shared.rules.undoing import undone

SKEW: Final = timedelta(seconds=60)
"""How much later than the last news an old generation must be to have gone back: clocks differ, and signals wait."""

PAST_LIMIT: Final = 16
"""How many earlier templates are remembered."""


class Outcome(msgspec.Struct, frozen=True):
    """What to do about a sighting.

    `tracked` is what to write (None: nothing), `change` what to decide on (None: nothing starts), `rule` the name of
    what was found and `reason` the same in words. `noted` is False for what the ledger need not repeat. `claims` are
    those that it repeats or fulfils: if one was given up meanwhile, what the record is without it decides (`refuted`).
    """

    rule: str
    reason: str
    tracked: Tracked | None = None
    change: Change | None = None
    noted: bool = True
    claims: tuple[Claim, ...] = ()


def latest(tracked: Tracked) -> Side | None:
    """Return the newest state that is known: the candidate, else the fact."""
    return tracked.candidate or tracked.fact


def another(tracked: Tracked, seen: Side) -> bool:
    """Whether the name belongs to another object than the tracked one."""
    known = latest(tracked)
    return known is not None and known.uid != seen.uid


def fresh(sighting: Sighting, seen: Side, before: Tracked | None) -> Tracked:
    """Return the record of a workload of which nothing is known yet but what had become of its name `before`.

    Earlier templates stay earlier, and what chaos did stays its doing, in an object created anew or restored, which is
    first `seen` so: the template that it left is one of the past, too.
    """
    if before is None:
        return Tracked(sighting.workload)
    return Tracked(sighting.workload, past=_past(before.past, before.fact, seen), harms=before.harms)


def since(tracked: Tracked, sighting: Sighting) -> timedelta:
    """Return how long after the last news of the workload the sighting was made; negative if before."""
    return datetime.fromisoformat(sighting.at) - datetime.fromisoformat(tracked.at)


def bygone(tracked: Tracked, sighting: Sighting) -> bool:
    """Whether the workload was seen so long after the sighting was made that it was as tracked by then.

    So what shows a later generation is of a history that a restore of etcd took away.
    """
    return since(tracked, sighting) < -SKEW


def delayed(at: str, now: datetime) -> bool:
    """Whether a signal made `at` (RFC 3339 UTC) comes so late that it may be `bygone`."""
    return now - datetime.fromisoformat(at) > SKEW


def listed(tracked: Tracked, at: str) -> Tracked:
    """Return the record of a workload whose kind was listed whole `at`: then it was as tracked, or was asked for.

    A candidate of more than `SKEW` before, which the list would have confirmed, was not there any more.
    """
    if at <= tracked.at:
        return tracked
    candidate = tracked.candidate
    if tracked.fact and candidate and not candidate.partial and delayed(tracked.at, datetime.fromisoformat(at)):
        candidate = None
    return msgspec.structs.replace(tracked, at=at, candidate=candidate)


def moved(tracked: Tracked, fact: Side | None, candidate: Side | None) -> Tracked:
    """Return the record with these sides; the template that a fact replaces becomes one of the past."""
    past, former = _past(tracked.past, tracked.fact, fact), None if fact else tracked.former
    return msgspec.structs.replace(tracked, fact=fact, candidate=candidate, past=past, former=former, deleted_at=None)


def noted(tracked: Tracked, sighting: Sighting, *marks: str) -> Tracked:
    """Return the record that knows this sighting and these marks."""
    seen = (*tracked.seen, sighting.id, *marks)[-SEEN_LIMIT:]
    return msgspec.structs.replace(tracked, seen=seen, at=max(tracked.at, sighting.at))


def forgotten(tracked: Tracked, fact: Side) -> Tracked:
    """Return the record without the marks of generations that `fact` shows were never reached."""
    seen = tuple(mark for mark in tracked.seen if _generation(mark) <= (fact.generation or 0))
    return msgspec.structs.replace(tracked, seen=seen)


def refuted(tracked: Tracked, given_up: Sequence[Claim]) -> Tracked:
    """Return the record without these claims, and without a candidate that holds one of them, or marks of it."""
    left = tuple(one for one in tracked.claims if one not in given_up)
    candidate = tracked.candidate
    if candidate and any(sides.shows(candidate, field) for one in given_up for field in one.changed):
        candidate = None
    kept = msgspec.structs.replace(tracked, claims=left, candidate=candidate)
    return forgotten(kept, tracked.fact) if tracked.fact else kept


def repeat(tracked: Tracked | None, repeated: Sequence[Claim] = ()) -> Outcome:
    """Return the outcome of a sighting of what is known already."""
    return Outcome("repeat", "this change was seen before", tracked, noted=False, claims=tuple(repeated))


def late() -> Outcome:
    """Return the outcome of a sighting that newer ones have overtaken: it updates nothing and triggers nothing."""
    return Outcome("late", "the signal is older than what is tracked of the workload")


def overtaken(tracked: Tracked, new: Side) -> Outcome:
    """Return the outcome of an older state: known already, or too late."""
    return late() if set(_mark(new, content=True)).isdisjoint(tracked.seen) else repeat(None)


def judge(after: Tracked, sighting: Sighting, old: Side, new: Side, doubt: Side | None = None) -> Outcome:
    """Return what the way from `old` to `new` means; `after` is the record that knows where it led.

    Where it is in doubt whether `old` was ever persisted, `doubt` is the state before it: what is as it was then did
    not change.
    """
    if not new.watched:
        return _unwatched(after, sighting, was=old.watched)
    change = _doubted(_change(after.past, sighting, old, new), doubt)
    if not claims.fields(change):
        return Outcome("no change", "nothing that counts differs", noted(after, sighting))
    mark = _mark(new, content=bool(change.changed))
    told = claims.repeated(after, change) if sighting.old else claims.covered(after, change)
    news = change if sighting.old else claims.without(change, told)
    if (sighting.old and told) or not claims.fields(news) or not set(mark).isdisjoint(after.seen):
        return repeat(noted(after, sighting, *mark), told)
    if not old.watched:
        return begin(after, sighting, new, "opt-in", "the workload has just opted in")
    left = msgspec.structs.replace(after, past=_past(after.past, old, new))
    kept = claims.claimed(left, sighting, news) if sighting.old else claims.told(left, new, claims.fields(news))
    news = msgspec.structs.replace(news, undoes=undone(after.harms, old, news.changed))
    return Outcome("change", "the workload changed", noted(kept, sighting, *mark), news, claims=told)


def begin(after: Tracked, sighting: Sighting, new: Side, rule: str, reason: str) -> Outcome:
    """Return the outcome of a state with nothing to compare to: a change for a policy that names CREATE, else none."""
    marks = (*_mark(new, content=True), *_mark(new, content=False))
    return Outcome(rule, reason, noted(after, sighting, *marks), _change((), sighting, None, new))


def _unwatched(after: Tracked, sighting: Sighting, *, was: bool) -> Outcome:
    if was:
        return Outcome("opt-out", f'the workload has opted out: {GITOPS} is no longer "true"', noted(after, sighting))
    return Outcome("not opted in", f'the workload has not opted in: {GITOPS} is not "true"', noted(after, sighting))


def _change(past: tuple[str, ...], sighting: Sighting, old: Side | None, new: Side) -> Change:
    return Change(
        workload=sighting.workload,
        source=sighting.source,
        operation="UPDATE" if old else "CREATE",
        actor=sighting.actor,
        at=sighting.at,
        new=new,
        old=old,
        changed=sides.changed(old, new),
        metadata_changed=sides.metadata_changed(old, new),
        rollback=old is not None and _rollback(past, old, new),
        actor_groups=sighting.actor_groups,
        autoscaled=sighting.autoscaled,
    )


def _doubted(change: Change, doubt: Side | None) -> Change:
    if doubt is None:
        return change
    return msgspec.structs.replace(
        change,
        changed=tuple(one for one in change.changed if not sides.shows(doubt, one)),
        metadata_changed=tuple(one for one in change.metadata_changed if not sides.shows(doubt, one)),
        rollback=change.rollback and sides.template(doubt) != sides.template(change.new),
    )


def _mark(new: Side, *, content: bool) -> tuple[str, ...]:
    if new.generation is None:
        return ()
    return (f"{new.generation}:{new.digest}" + ("" if content else f":{sides.marks(new)}"),)


def _generation(mark: str) -> int:
    head, colon, _ = mark.partition(":")
    return int(head) if colon and head.isdecimal() else 0


def _past(past: tuple[str, ...], left: Side | None, reached: Side | None) -> tuple[str, ...]:
    """Return the earlier templates with the one that was left, where it is known that another was reached."""
    template = sides.template(left) if left else None
    if template is None or reached is None or template == sides.template(reached):
        return past
    name = digest(template)
    return (*(other for other in past if other != name), name)[-PAST_LIMIT:]


def _rollback(past: tuple[str, ...], old: Side, new: Side) -> bool:
    template = sides.template(new) if past else None
    return template is not None and template != sides.template(old) and digest(template) in past
