"""Histories of one workload of which some signals came sealed and others did not, against the same model."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.changes import Side, Sighting, Tracked
from shared.model.heartbeats import Asked
from shared.rules.digests import digest, seal
from shared.rules.sealing import aligned, sealed
from shared.rules.tracking import observe
from tests.rules.test_tracking_histories import FLAG, NEVER, ApiServer, Moved, Step, history, steps

KEY = b"k" * 32
PLAIN = {digest(seal(image, KEY)): digest(image) for image in (f"web:{number}" for number in range(30))}
"""The digest of each image by the digest of its seal."""


def cover(side: Side, _: str = "") -> Side:
    return sealed(side, KEY, Asked())


def through_a_subscriber(sighting: Sighting) -> Sighting:
    old, new = (one and cover(one) for one in (sighting.old, sighting.new))
    return msgspec.structs.replace(sighting, old=old, new=new)


def fired(server: ApiServer, sealing: Random) -> Counter[Moved]:
    """Return what triggered by default, once each signal was taken in the order it arrived, sealed or not.

    A cluster's reviews all come one way; audit events and heartbeats each come as they may.
    """
    found: Counter[Moved] = Counter()
    tracked: Tracked | None = None
    share = sealing.choice([0.3, 0.7, 1.0])
    inside = sealing.random() < share
    for _, told in sorted(server.signals, key=lambda arrival: arrival[0]):
        hidden = inside if told.source == "admission" else sealing.random() < share
        sent = through_a_subscriber(told) if hidden else told
        known, sighting = aligned(tracked, sent, cover)
        outcome = observe(known, sighting)
        tracked = outcome.tracked or known
        if outcome.rule == "change" and outcome.change:
            found.update((one.path, PLAIN.get(one.digest, one.digest)) for one in outcome.change.changed)
    return found


SEEDS = st.integers(0, 1_000).map(Random)


@given(steps(denied=FLAG, retried=FLAG, audited=FLAG, repeated=FLAG, delay=st.integers(0, 30)), SEEDS)
def test_what_is_reviewed_triggers_once_whatever_audit_adds(played: list[Step], sealing: Random) -> None:
    server = history(played)
    assert server.reviewed == fired(server, sealing)


@given(steps(reviewed=FLAG, retried=FLAG, repeated=FLAG), SEEDS)
def test_what_a_lost_review_would_have_told_is_told_by_what_comes_next(played: list[Step], sealing: Random) -> None:
    server = history(played)
    assert server.persisted == fired(server, sealing)


@given(steps(reviewed=NEVER, repeated=FLAG, delay=st.integers(0, 30)), SEEDS)
def test_nothing_triggers_that_is_gone(played: list[Step], sealing: Random) -> None:
    server = history(played)
    assert fired(server, sealing) <= server.persisted


@pytest.mark.soak
@settings(max_examples=5_000)
@given(steps(denied=FLAG, reviewed=FLAG, retried=FLAG, audited=FLAG, repeated=FLAG, delay=st.integers(0, 60)), SEEDS)
def test_long_histories_trigger_nothing_twice_and_nothing_that_nobody_asked_for(
    played: list[Step], sealing: Random
) -> None:
    server = history(played)
    assert fired(server, sealing) <= (server.reviewed | server.persisted)
