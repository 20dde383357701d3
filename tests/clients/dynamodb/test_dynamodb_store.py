from __future__ import annotations

import random

import pytest

from shared.clients.dynamodb.spans import following
from shared.errors import Misconfigured, Stale, TooLarge
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put, Record
from tests.clients.conformance.engines import RETENTION
from tests.clients.dynamodb.conftest import Place

NOISE = random.Random(1).randbytes(400_000)  # noqa: S311 - bytes that no compression makes smaller


def test_a_list_goes_on_where_an_answer_ends_at_1_mb(place: Place) -> None:
    for number in range(9):
        place.store.commit([Put(Key("p", str(number)), NOISE[: 250 * 1024])])
    for newest_first in (False, True):
        found = place.store.query("p", newest_first=newest_first)
        assert sorted("012345678", reverse=newest_first) == [record.key.sort for record in found]
    assert {NOISE[: 250 * 1024]} == {record.value for record in found}


def test_many_records_are_read_in_as_many_requests_as_it_takes(place: Place) -> None:
    keys = [Key("p", f"{number:03}") for number in range(230)]
    for start in range(0, len(keys), 100):
        place.store.commit([Put(key, key.sort.encode()) for key in keys[start : start + 100]])
    found = place.store.get_many([*keys, *keys, Key("p", "never")])
    assert {key: Record(key, key.sort.encode(), 1) for key in keys} == found


def test_a_record_over_400_kb_is_refused_by_its_name_and_size(place: Place) -> None:
    store, key = place.store, Key("p", "large")
    store.commit([Put(key, NOISE)])
    for write in (Put(key, NOISE + NOISE, 1), Put(key, NOISE + NOISE)):
        with pytest.raises(TooLarge, match=r"p/large would be 8\d{5} bytes in DynamoDB, which takes 409344"):
            store.commit([write])
    assert Record(key, NOISE, 1) == store.get(key)


def test_a_value_that_can_be_made_smaller_may_be_larger(place: Place) -> None:
    key, value = Key("p", "manifest"), b"kind: Workflow\n" * 60_000
    place.store.commit([Put(key, value, ABSENT)])
    assert Record(key, value, 1) == place.store.get(key)
    place.store.commit([Put(key, b"small")])
    assert Record(key, b"small", 2) == place.store.get(key)


def test_a_commit_over_4_mb_is_refused_and_does_nothing(place: Place) -> None:
    writes = [Put(Key("p", f"{number:02}"), NOISE) for number in range(11)]
    with pytest.raises(TooLarge, match=r"a commit of 44\d{5} bytes"):
        place.store.commit(writes)
    assert [] == place.store.query("p")


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(Key("p", "é" * 513), id="a-long-name"),
        pytest.param(Key("p", ""), id="no-name"),
        pytest.param(Key("p" * 2_048, "s"), id="a-long-partition"),
    ],
)
def test_what_no_key_can_be_does_not_exist_and_cannot_be_written(place: Place, key: Key) -> None:
    assert place.store.get(key) is None
    assert {} == place.store.get_many([key])
    with pytest.raises(TooLarge, match="its name is too long or empty"):
        place.store.commit([Put(key, b"", ABSENT)])


@pytest.mark.parametrize(
    ("after", "newest_first", "expected"),
    [
        pytest.param("é" * 600, False, ["ê"], id="up"),
        pytest.param("é" * 600, True, ["é" * 512, "é"], id="down"),
        pytest.param("", False, ["é", "é" * 512, "ê"], id="up-from-nothing"),
        pytest.param("", True, [], id="down-from-nothing"),
    ],
)
def test_a_page_may_start_beyond_what_no_key_can_be(
    place: Place, after: str, newest_first: bool, expected: list[str]
) -> None:
    place.store.commit([Put(Key("p", name), b"") for name in ("é", "é" * 512, "ê")])
    found = place.store.query("p", after=after, newest_first=newest_first)
    assert expected == [record.key.sort for record in found]


def test_a_commit_of_nothing_asks_nothing(place: Place) -> None:
    faults = place.faults()
    with faults.amid(lambda _: pytest.fail("nothing is to be asked")):
        place.store_on(faults.aws).commit([])


def test_a_stale_write_says_what_was_found(place: Place) -> None:
    key = Key("project", "shop")
    place.store.commit([Put(key, b"1"), Put(Key("project", "bank"), b"1")])
    for writes in ([Put(key, b"2", 7)], [Put(key, b"2", 7), Put(Key("project", "bank"), b"2")]):
        with pytest.raises(Stale, match="project/shop is at version 1, not 7: read it again"):
            place.store.commit(writes)


def test_a_put_on_whatever_is_there_passes_beside_one_that_aged(place: Place) -> None:
    """One commit in which one put continues a record and another takes the place of one that aged."""
    aged, lasting = Key("p", "aged"), Key("p", "lasting")
    place.store.commit([Put(aged, b"1", ages=True), Put(lasting, b"1")])
    place.clock.advance(RETENTION)
    place.store.commit([Put(aged, b"2"), Put(lasting, b"2")])
    assert {aged: Record(aged, b"2", 1), lasting: Record(lasting, b"2", 2)} == place.store.get_many([aged, lasting])


def test_what_aged_is_removed_by_dynamodb_by_its_own_attribute(place: Place) -> None:
    place.store.commit([Put(Key("p", "aged"), b"1", ages=True)])
    client, name = place.aws.table.client, place.name
    attribute = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"]
    here = {"pk": {"S": "record/p"}, "sk": {"S": "aged"}}
    item = client.get_item(TableName=name, Key=here)["Item"]
    assert {"N": str(int(place.clock.now.timestamp() + RETENTION))} == item[attribute]


def test_a_message_named_twice_in_a_commit_is_sent_once(place: Place) -> None:
    place.store.commit([], [Message("m", "sync", "project", {})] * 2)
    assert ["m"] == [claimed.message.id for claimed in place.queue.receive(10, 60)]


def test_a_message_that_is_queued_already_keeps_its_claim(place: Place) -> None:
    place.store.commit([], [Message("m", "sync", "project", {})])
    [claimed] = place.queue.receive(10, 60)
    place.store.commit([], [Message("m", "sync", "project", {})])
    assert [] == place.queue.receive(10, 60)
    place.queue.ack(claimed)
    assert place.queue.claim("m", 60) is None


def test_a_table_that_does_not_exist_is_told_with_the_mend(place: Place) -> None:
    other = type(place.aws.table)(place.aws.table.client, "nobody-made-it")
    with pytest.raises(Misconfigured, match="nobody-made-it: ResourceNotFoundException: check STORE_URL"):
        type(place.store)(other, place.aws.alarms, place.clock).get(Key("p", "s"))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("a", "b", id="a-letter"),
        pytest.param("a\U0010ffff", "b", id="the-last-character-behind"),
        pytest.param("\U0010ffff", None, id="the-last-character-alone"),
        pytest.param("\ud7ff", "\ue000", id="before-what-is-no-character"),
    ],
)
def test_the_text_after_all_that_start_alike_is_known(prefix: str, expected: str | None) -> None:
    assert expected == following(prefix)
