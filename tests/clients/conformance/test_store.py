from __future__ import annotations

import re

import pytest

from shared.errors import Stale
from shared.model.messages import Message
from shared.model.records import ABSENT, Check, Delete, Key, Put, Record, Write
from tests.clients.conformance.engines import Engine

HERE = Key("project", "shop")
THERE = Key("project", "bank")


def sorts(records: list[Record]) -> list[str]:
    return [record.key.sort for record in records]


def fill(engine: Engine, *names: str, partition: str = "p") -> None:
    for name in names:
        engine.store.commit([Put(Key(partition, name), name.encode(), ABSENT)])


def test_a_record_that_was_never_written_is_none(engine: Engine) -> None:
    assert engine.store.get(HERE) is None


def test_versions_start_at_one_and_grow_by_one(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1")])
    assert Record(HERE, b"1", 1) == engine.store.get(HERE)
    engine.store.commit([Put(HERE, b"2", expected=1)])
    engine.store.commit([Put(HERE, b"3")])
    assert Record(HERE, b"3", 3) == engine.store.get(HERE)


def test_any_bytes_come_back_as_they_were(engine: Engine) -> None:
    value = bytes(range(256)) * 1024
    engine.store.commit([Put(HERE, value), Put(THERE, b"")])
    assert {HERE: Record(HERE, value, 1), THERE: Record(THERE, b"", 1)} == engine.store.get_many([HERE, THERE])


def test_get_many_finds_many(engine: Engine) -> None:
    keys = [Key("many", f"{number:03}") for number in range(50)]
    engine.store.commit([Put(key, key.sort.encode()) for key in keys])
    assert {key: Record(key, key.sort.encode(), 1) for key in keys} == engine.store.get_many([*keys, THERE])


def test_get_many_leaves_out_what_does_not_exist(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1")])
    assert {HERE: Record(HERE, b"1", 1)} == engine.store.get_many([THERE, HERE])
    assert {} == engine.store.get_many([])


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(Put(HERE, b"new", ABSENT), id="put-new-where-one-is"),
        pytest.param(Put(HERE, b"new", 7), id="put-on-another-version"),
        pytest.param(Put(THERE, b"new", 1), id="put-on-a-version-where-none-is"),
        pytest.param(Delete(HERE, 7), id="delete-another-version"),
        pytest.param(Delete(THERE, 1), id="delete-a-version-where-none-is"),
        pytest.param(Check(HERE, 7), id="check-another-version"),
        pytest.param(Check(HERE, ABSENT), id="check-absence-where-one-is"),
        pytest.param(Check(THERE, 1), id="check-a-version-where-none-is"),
    ],
)
def test_one_stale_write_undoes_the_whole_commit_and_is_named(engine: Engine, write: Write) -> None:
    engine.store.commit([Put(HERE, b"old")])
    other = Key("else", "where")
    with pytest.raises(Stale, match=re.escape(f"{write.key.partition}/{write.key.sort} ")):
        engine.store.commit([Put(other, b"x"), write], [Message("m", "sync", "project", {})])
    assert {HERE: Record(HERE, b"old", 1)} == engine.store.get_many([HERE, THERE, other])
    assert [] == engine.queue.receive(10, 60)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(Put(HERE, b"old", 1), id="put-on-the-version"),
        pytest.param(Delete(HERE, 1), id="delete-the-version"),
        pytest.param(Delete(HERE), id="delete-whatever-is-there"),
        pytest.param(Delete(THERE), id="delete-nothing"),
        pytest.param(Delete(THERE, ABSENT), id="delete-what-is-known-to-be-nothing"),
        pytest.param(Check(HERE, 1), id="check-the-version"),
        pytest.param(Check(THERE, ABSENT), id="check-absence"),
    ],
)
def test_a_write_whose_expectation_holds_lets_the_commit_pass(engine: Engine, write: Write) -> None:
    engine.store.commit([Put(HERE, b"old")])
    other = Key("else", "where")
    engine.store.commit([write, Put(other, b"x", ABSENT)])
    assert Record(other, b"x", 1) == engine.store.get(other)


def test_a_deleted_record_is_gone_and_may_be_made_anew(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1")])
    engine.store.commit([Delete(HERE, 1)])
    assert engine.store.get(HERE) is None
    engine.store.commit([Put(HERE, b"2", ABSENT)])
    assert Record(HERE, b"2", 1) == engine.store.get(HERE)


def test_a_commit_of_a_hundred_writes_passes_and_of_one_more_is_refused(engine: Engine) -> None:
    writes = [Put(Key("p", f"{n:03}"), b"") for n in range(101)]
    with pytest.raises(ValueError, match="101 writes"):
        engine.store.commit(writes)
    engine.store.commit(writes[:100])
    assert 100 == len(engine.store.query("p", limit=200))


def test_messages_count_among_the_hundred(engine: Engine) -> None:
    writes = [Put(Key("p", f"{n:03}"), b"") for n in range(50)]
    messages = [Message(f"m{n:03}", "sync", "project", {}) for n in range(51)]
    with pytest.raises(ValueError, match="50 writes and 51 messages"):
        engine.store.commit(writes, messages)
    engine.store.commit(writes, messages[:50])
    assert (50, 50) == (len(engine.store.query("p", limit=200)), len(engine.queue.receive(100, 60)))


def test_a_key_named_twice_in_a_commit_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="project/shop is written twice"):
        engine.store.commit([Put(HERE, b"1"), Check(HERE, ABSENT)])
    assert engine.store.get(HERE) is None


def test_a_commit_may_hold_messages_alone(engine: Engine) -> None:
    engine.store.commit([], [Message("m", "reconcile", "tick", {})])
    assert ["m"] == [claimed.message.id for claimed in engine.queue.receive(10, 60)]


def test_a_query_lists_its_partition_alone(engine: Engine) -> None:
    fill(engine, "a", "b", partition="p")
    fill(engine, "c", partition="p/q")
    assert ["a", "b"] == sorts(engine.store.query("p"))
    assert [] == engine.store.query("nobody")


def test_a_message_that_cannot_be_written_undoes_the_writes(engine: Engine) -> None:
    with pytest.raises(UnicodeEncodeError):
        engine.store.commit([Put(HERE, b"1")], [Message("m", "sync", "project", {"project": "\ud800"})])
    assert engine.store.get(HERE) is None


def test_sort_keys_are_ordered_by_their_utf8_bytes(engine: Engine) -> None:
    names = ["a", "B", "é", "\U00010000", "\ufffd", "a/b", "a-b", "10", "9", "z"]
    fill(engine, *names)
    expected = sorted(names, key=str.encode)
    assert expected == sorts(engine.store.query("p"))
    assert expected[::-1] == sorts(engine.store.query("p", newest_first=True))


@pytest.mark.parametrize(
    "newest_first", [pytest.param(False, id="oldest-first"), pytest.param(True, id="newest-first")]
)
def test_a_prefix_keeps_what_starts_with_it(engine: Engine, newest_first: bool) -> None:
    fill(engine, "a", "ab", "ab\U0010ffff", "ab\U0010ffffz", "abc", "ac", "b")
    expected = ["ab", "abc", "ab\U0010ffff", "ab\U0010ffffz"]
    found = sorts(engine.store.query("p", prefix="ab", newest_first=newest_first))
    assert (expected[::-1] if newest_first else expected) == found


@pytest.mark.parametrize(
    ("after", "newest_first", "expected"),
    [
        pytest.param("b", False, ["c", "d"], id="up"),
        pytest.param("b", True, ["a"], id="down"),
        pytest.param("bb", False, ["c", "d"], id="up-from-a-key-that-is-gone"),
        pytest.param("bb", True, ["b", "a"], id="down-from-a-key-that-is-gone"),
        pytest.param("z", False, [], id="up-from-beyond-the-end"),
        pytest.param("0", False, ["a", "b", "c", "d"], id="up-from-before-the-start"),
        pytest.param("z", True, ["d", "c", "b", "a"], id="down-from-beyond-the-end"),
    ],
)
def test_a_page_starts_beyond_its_cursor(
    engine: Engine,
    after: str,
    newest_first: bool,
    expected: list[str],
) -> None:
    fill(engine, "a", "b", "c", "d")
    assert expected == sorts(engine.store.query("p", after=after, newest_first=newest_first))


@pytest.mark.parametrize(
    "newest_first", [pytest.param(False, id="oldest-first"), pytest.param(True, id="newest-first")]
)
def test_a_cursor_outside_its_prefix_does_not_widen_the_list(engine: Engine, newest_first: bool) -> None:
    fill(engine, "a", "ba", "bb", "c")
    after = "d" if newest_first else "0"
    found = sorts(engine.store.query("p", prefix="b", after=after, newest_first=newest_first))
    assert (["bb", "ba"] if newest_first else ["ba", "bb"]) == found


@pytest.mark.parametrize(
    "newest_first", [pytest.param(False, id="oldest-first"), pytest.param(True, id="newest-first")]
)
def test_pages_together_are_the_whole_list(engine: Engine, newest_first: bool) -> None:
    names = [f"x{number:02}" for number in range(25)]
    engine.store.commit([Put(Key("p", name), b"") for name in [*names, "w", "y"]])
    pages: list[list[str]] = []
    after = None
    while page := sorts(engine.store.query("p", prefix="x", after=after, limit=10, newest_first=newest_first)):
        pages.append(page)
        after = page[-1]
    assert [10, 10, 5] == [len(page) for page in pages]
    assert (names[::-1] if newest_first else names) == [name for page in pages for name in page]


def test_many_partitions_are_each_listed_from_their_start(engine: Engine) -> None:
    for number in range(40):
        fill(engine, *(f"{n:02}" for n in range(number % 4)), partition=f"p{number}")
    asked = [f"p{number}" for number in range(40)]
    found = engine.store.query_many([*asked, "nobody"], limit=2)
    assert ["nobody", *sorted(asked)] == sorted(found)
    assert {name: engine.store.query(name, limit=2) for name in found} == found
    assert {} == engine.store.query_many([])


def test_a_limit_below_one_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="limit of 0"):
        engine.store.query("p", limit=0)
    with pytest.raises(ValueError, match="limit of 0"):
        engine.store.query_many(["p"], limit=0)


def test_what_was_committed_is_there_after_a_restart(engine: Engine) -> None:
    engine.store.commit([Put(HERE, b"1")], [Message("m", "sync", "project", {"project": "shop"})])
    engine.reopen()
    assert Record(HERE, b"1", 1) == engine.store.get(HERE)
    [claimed] = engine.queue.receive(10, 60)
    assert Message("m", "sync", "project", {"project": "shop"}) == claimed.message
