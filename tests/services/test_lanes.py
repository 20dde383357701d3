"""Work done side by side: few begin, more join those that wait, and none holds up another."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from shared.services.lanes import Lanes


def test_every_item_comes_back_in_groups_that_are_not_too_large() -> None:
    groups = list(Lanes().groups(lambda number: number * 2, range(100), 24))
    assert sorted(number * 2 for number in range(100)) == sorted(found for group in groups for found in group)
    assert all(1 <= len(group) <= 24 for group in groups)


def test_nothing_to_do_yields_nothing() -> None:
    assert [] == list(Lanes().groups(str, [], 24))


def test_those_that_wait_are_joined_by_as_many_as_may_be_under_way() -> None:
    all_here = threading.Barrier(8)
    groups = Lanes(total=8).groups(lambda _: all_here.wait(10), range(8), 24)
    assert 8 == sum(len(group) for group in groups)


def test_one_that_hangs_keeps_back_no_other() -> None:
    let = threading.Event()
    groups = Lanes(total=2).groups(lambda number: number or let.wait(10), range(5), 24)
    early = next(groups)
    let.set()
    assert ([1, 2, 3, 4], [True]) == (sorted(early), [found for group in groups for found in group])


def test_the_first_is_begun_before_the_last_is_found() -> None:
    begun = threading.Event()

    def found() -> Iterator[int]:
        yield 1
        assert begun.wait(10)
        yield 2

    def act(number: int) -> int:
        begun.set()
        return number

    assert [1, 2] == [one for group in Lanes().groups(act, found(), 1) for one in group]


def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    def act(number: int) -> int:
        raise ValueError(f"no {number}")

    with pytest.raises(ValueError, match="no 7"):
        list(Lanes().groups(act, [7], 24))
