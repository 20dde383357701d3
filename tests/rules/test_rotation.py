"""Rotations of a cluster's secrets in any order and at any time, beside a plain account of what was promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.errors import Conflict
from shared.model.projects import Cluster, Former
from shared.rules.rotation import MOST, former, rotated, settled, versions

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Cluster("c1", "shop", "One", "")
HOUR, DAY = 3600.0, 86_400.0


class Rotations(RuleBasedStateMachine):
    """A cluster, and for each version before its own when its grace was said to end."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster, self.now, self.version = NEW, START, 1
        self.ends: dict[int, datetime] = {}

    @rule(grace=st.sampled_from([0.0, 1.0, HOUR, DAY]))
    def rotate(self, grace: float) -> None:
        ends = {self.version: self.now + timedelta(seconds=grace)}
        ends |= {version: min(until, ends[self.version]) for version, until in self.ends.items()}
        if sum(self.now < until for until in ends.values()) > MOST:
            with pytest.raises(Conflict, match="end their grace first"):
                rotated(self.cluster, grace, self.now)
            return
        self.cluster, self.ends = rotated(self.cluster, grace, self.now), ends
        self.version += 1

    @precondition(lambda self: self.ends)
    @rule()
    def end(self) -> None:
        self.cluster, self.ends = settled(self.cluster), {}

    @rule(seconds=st.sampled_from([0.5, 1.0, HOUR, DAY - 1, DAY]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def store(self) -> None:
        self.cluster = msgspec.json.decode(msgspec.json.encode(self.cluster), type=Cluster)

    @invariant()
    def the_newest_and_those_in_grace_count_and_no_others(self) -> None:
        kept = [version for version in sorted(self.ends, reverse=True) if self.now < self.ends[version]]
        assert (self.version, *kept) == versions(self.cluster, self.now)

    @invariant()
    def it_is_the_cluster_that_was_registered(self) -> None:
        assert (1, NEW.id) == (self.cluster.registered_as, self.cluster.id)


TestRotations = Rotations.TestCase


def test_a_record_from_before_there_was_rotation_has_one_version_that_counts() -> None:
    old = msgspec.json.decode(
        b'{"id": "c1", "project": "shop", "name": "x", "created_at": "", "version": 3}', type=Cluster
    )
    assert ((3,), 3) == (versions(old, START), old.registered_as)
    raised = rotated(old, HOUR, START)
    assert ((4, 3), 3) == (versions(raised, START), raised.registered_as)


def test_a_version_counts_until_the_very_end_of_its_grace_and_not_at_it() -> None:
    raised = rotated(NEW, HOUR, START)
    end = START + timedelta(seconds=HOUR)
    assert ((2, 1), (2,)) == (versions(raised, end - timedelta(milliseconds=1)), versions(raised, end))


def test_of_no_cluster_only_the_version_counts_that_none_has() -> None:
    assert (0,) == versions(None, START)


def test_a_clock_that_another_function_sets_back_brings_no_version_back_that_was_dropped() -> None:
    raised = rotated(rotated(NEW, 0.0, START), HOUR, START + timedelta(days=1))
    assert (Former(2, "2026-01-02T01:00:00.000Z"),) == former(raised, START - timedelta(days=1))
