"""Random histories of a store against a dict, which is its whole meaning."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.errors import Stale
from shared.model.records import ABSENT, Check, Delete, Key, Put, Record, Write
from tests.clients.conformance.engines import Engine

PARTITIONS = st.sampled_from(["p", "p/q", "é"])
SORTS = st.text(st.sampled_from("ab/é\ufffd\U00010000"), min_size=1, max_size=3)
KEYS = st.builds(Key, PARTITIONS, SORTS)
VALUES = st.binary(max_size=8)
EXPECTED = st.sampled_from([None, None, ABSENT, 1, 2, 3])
WRITES = st.one_of(
    st.builds(Put, KEYS, VALUES, EXPECTED),
    st.builds(Delete, KEYS, EXPECTED),
    st.builds(Check, KEYS, st.sampled_from([ABSENT, 1, 2, 3])),
)
COMMITS = st.lists(WRITES, min_size=1, max_size=4, unique_by=lambda write: write.key)


class Histories(RuleBasedStateMachine):
    new_engine: Callable[[], Engine]

    def __init__(self) -> None:
        super().__init__()
        self.engine = self.new_engine()
        self.model: dict[Key, Record] = {}

    def version(self, key: Key) -> int:
        return self.model[key].version if key in self.model else ABSENT

    def fits(self, write: Write) -> bool:
        return write.expected is None or write.expected == self.version(write.key)

    def note(self, write: Write) -> None:
        if isinstance(write, Put):
            self.model[write.key] = Record(write.key, write.value, self.version(write.key) + 1)
        elif isinstance(write, Delete):
            self.model.pop(write.key, None)

    @rule(writes=COMMITS)
    def commit(self, writes: list[Write]) -> None:
        stale = [f"{write.key.partition}/{write.key.sort} " for write in writes if not self.fits(write)]
        if not stale:
            self.engine.store.commit(writes)
            for write in writes:
                self.note(write)
            return
        with pytest.raises(Stale) as caught:
            self.engine.store.commit(writes)
        assert any(str(caught.value).startswith(name) for name in stale)

    @rule(key=KEYS, value=VALUES)
    def replace_what_was_read(self, key: Key, value: bytes) -> None:
        record = self.engine.store.get(key)
        self.commit_one(Put(key, value, ABSENT if record is None else record.version))

    def commit_one(self, write: Write) -> None:
        self.engine.store.commit([write])
        self.note(write)

    @rule(
        partition=PARTITIONS,
        prefix=st.one_of(st.just(""), SORTS),
        after=st.one_of(st.none(), SORTS),
        limit=st.integers(1, 6),
        newest_first=st.booleans(),
    )
    def query(self, partition: str, prefix: str, after: str | None, limit: int, *, newest_first: bool) -> None:
        records = [record for key, record in self.model.items() if key.partition == partition]
        records = [record for record in records if record.key.sort.startswith(prefix)]
        records.sort(key=lambda record: record.key.sort.encode(), reverse=newest_first)
        if after is not None:
            mark = after.encode()
            beyond = [r for r in records if (r.key.sort.encode() > mark) != newest_first and r.key.sort != after]
            records = beyond
        found = self.engine.store.query(partition, prefix=prefix, after=after, limit=limit, newest_first=newest_first)
        assert records[:limit] == found

    @rule(partitions=st.lists(PARTITIONS, max_size=4), limit=st.integers(1, 6))
    def query_many(self, partitions: list[str], limit: int) -> None:
        expected = {partition: self.engine.store.query(partition, limit=limit) for partition in partitions}
        assert expected == self.engine.store.query_many(partitions, limit)

    @rule()
    def restart(self) -> None:
        self.engine.reopen()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        keys = [*self.model, Key("p", "never written")]
        assert self.model == self.engine.store.get_many(keys)

    def teardown(self) -> None:
        self.engine.close()


@pytest.mark.parametrize(
    ("histories", "steps"),
    [
        pytest.param(40, 25, id="short"),
        pytest.param(300, 60, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_any_history_of_commits_leaves_what_a_dict_would_hold(
    new_engine: Callable[[], Engine], costs: int, histories: int, steps: int
) -> None:
    bounded = settings(
        max_examples=max(histories // costs, 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    here = type("HistoriesHere", (Histories,), {"new_engine": staticmethod(new_engine)})
    run_state_machine_as_test(here, settings=bounded)
