from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from shared.clients.ids import new_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _millis(identifier: str) -> int:
    number = 0
    for character in identifier[:10]:
        number = number << 5 | ALPHABET.index(character)
    return number


def test_an_id_has_26_characters_that_need_no_escaping() -> None:
    assert re.fullmatch(f"[{ALPHABET}]{{26}}", new_id())


def test_ids_sort_in_the_order_they_were_made() -> None:
    made = [new_id() for _ in range(5000)]
    assert sorted(set(made)) == made


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [new_id() for _ in range(500)], range(8)))
    assert 4000 == len({one for batch in made for one in batch})
    assert all(sorted(batch) == batch for batch in made)


def test_an_id_begins_with_the_time_it_was_made() -> None:
    before, made, after = time.time_ns() // 1_000_000, new_id(), time.time_ns() // 1_000_000
    assert before <= _millis(made) <= after + 1


def test_ids_of_one_millisecond_differ_in_more_than_their_end() -> None:
    first = new_id()
    while _millis(first) == _millis(second := new_id()):
        pass
    assert first[10:] != second[10:]
