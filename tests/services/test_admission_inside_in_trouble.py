"""Reviews that the cluster's own subscriber answers while something is wrong: at once, bounded, and told in the end."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import BadInput, TooLarge, Unavailable
from tests.services.inside import Inside, inside_of
from tests.services.watched import House, altered, recorded


@pytest.fixture
def inside(house: House) -> Iterator[Inside]:
    with inside_of(house) as found:
        yield found


def test_while_the_portal_is_away_reviews_are_answered_at_once_and_told_later_and_once(inside: Inside) -> None:
    inside.door.before = lambda _path, _body: 503
    reviews = [altered(recorded("deployment-image"), image=f"nginx:{number}") for number in range(20)]
    for review in reviews:
        assert review["request"]["uid"] == response(inside.admit(review))["uid"]
        assert response(inside.admit(recorded("deployment-image-not-annotated")))["allowed"]
    with pytest.raises(Unavailable):
        inside.forwarding.flush()
    assert inside.slowest < 0.1
    assert [] == inside.door.house.rows()
    inside.door.before = lambda _path, _body: 0
    inside.forwarding.flush()
    inside.forwarding.flush()
    assert ["triggered"] * 20 == inside.door.house.verdicts()
    assert {"kept": 20, "not_annotated": 20, "told": 20} == inside.counted


def response(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.body["response"]
    assert 200 == answer.status
    return found


def test_an_answer_that_is_lost_tells_nothing_twice(inside: Inside) -> None:
    inside.door.after = lambda path, _body: 500 if path.startswith("/changes/") else 0
    inside.admit(recorded("deployment-image"))
    with pytest.raises(Unavailable):
        inside.forwarding.flush()
    assert ["triggered"] == inside.door.house.verdicts()
    inside.door.after = lambda _path, _body: 0
    inside.forwarding.flush()
    assert ["triggered"] == inside.door.house.verdicts()
    assert 1 == inside.counted["told"]


def test_where_there_is_no_room_the_oldest_are_lost_and_counted(house: House) -> None:
    with inside_of(house) as inside:
        inside.most = 2
        inside.start()
        for number in range(3):
            inside.admit(altered(recorded("deployment-image"), image=f"nginx:{number}"))
        inside.forwarding.flush()
    assert {"kept": 3, "lost": 1, "told": 2} == inside.counted
    assert ["triggered", "triggered"] == house.verdicts()


def test_the_memory_that_reviews_take_is_bounded_too(house: House) -> None:
    with inside_of(house) as inside:
        inside.limit = 1
        inside.start()
        for number in range(3):
            inside.admit(altered(recorded("deployment-image"), image=f"nginx:{number}"))
        inside.forwarding.flush()
    assert {"kept": 3, "lost": 2, "told": 1} == inside.counted


def nested(levels: int) -> bytes:
    """A review of an annotated object that is nested this deep."""
    review = altered(recorded("deployment-image"))
    review["request"]["object"]["spec"]["deep"] = "deep"
    return json.dumps(review).replace('"deep"}', '{"a":' * levels + "1" + "}" * levels + "}").encode()


def test_what_the_portal_never_takes_holds_up_nothing_else(inside: Inside) -> None:
    inside.door.before = lambda _path, body: 413 if b'"name":"large"' in body else 0
    large = altered(recorded("deployment-image"))
    large["request"]["name"] = "large"
    for review in (large, altered(recorded("deployment-image"))):
        inside.admit(review)
    inside.forwarding.flush()
    assert ["triggered"] == inside.door.house.verdicts()
    assert {"kept": 2, "refused": 1, "told": 1} == inside.counted


@pytest.mark.parametrize("levels", [300, 480, 900])
def test_an_object_that_is_nested_too_deeply_holds_up_nothing_else(inside: Inside, levels: int) -> None:
    inside.admit(nested(levels))
    inside.admit(altered(recorded("deployment-image"), image="nginx:3"))
    inside.forwarding.flush()
    assert "triggered" == inside.door.house.verdicts()[-1]
    assert 2 == inside.counted["told"] + inside.counted["refused"]


def test_many_reviews_go_in_parts_of_bounded_size(inside: Inside) -> None:
    for number in range(52):
        inside.admit(altered(recorded("deployment-image"), image=f"nginx:{number}"))
    inside.forwarding.flush()
    assert 52 == len(inside.door.house.rows())
    assert 2 == sum(b'"sightings"' in body for body in inside.door.bodies)


def test_large_reviews_go_in_parts_too(inside: Inside) -> None:
    for number in range(2):
        review = altered(recorded("deployment-image"), image=f"nginx:{number}")
        review["request"]["object"]["spec"]["padding"] = "x" * 700_000
        inside.admit(review)
    inside.forwarding.flush()
    assert 2 == sum(b'"sightings"' in body for body in inside.door.bodies)


def test_what_comes_while_others_are_told_is_told_after_them(house: House) -> None:
    with inside_of(house) as inside:
        inside.most = 2
        inside.start()
        reviews = [altered(recorded("deployment-image"), image=f"nginx:{number}") for number in range(3)]
        late = reviews[2:]

        def meanwhile(path: str, _: bytes) -> int:
            if path.startswith("/changes/") and late:
                inside.admit(late.pop())
            return 0

        inside.door.after = meanwhile
        for review in reviews[:2]:
            inside.admit(review)
        inside.forwarding.flush()
    assert ["triggered"] * 3 == house.verdicts()


def test_a_portal_that_knows_no_seals_is_told_nothing(inside: Inside) -> None:
    inside.door.before = lambda _path, _body: 200
    inside.admit(recorded("deployment-image"))
    with pytest.raises(Unavailable, match="upgrade it"):
        inside.forwarding.flush()
    assert not any(b"sightings" in body for body in inside.door.bodies)
    inside.door.before = lambda _path, _body: 0
    inside.forwarding.flush()
    assert ["triggered"] == inside.door.house.verdicts()


def test_what_is_no_review_is_refused(inside: Inside) -> None:
    with pytest.raises(BadInput, match="no AdmissionReview"):
        inside.admit(b"{}")
    with pytest.raises(TooLarge):
        inside.admit(gzip.compress(b" " * (9 << 20)), **{"content-encoding": "gzip"})
    assert {} == inside.counted
