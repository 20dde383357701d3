from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.model.calls import Answer
from shared.model.messages import Message
from shared.model.policies import Condition, Policy, PolicyBook
from shared.model.records import Put
from shared.services.deadlines import patience
from shared.services.intake import Intake
from shared.services.tables import POLICIES, PROJECTS
from tests.services.watched import WEB, House, altered, batch, fields, recorded


def allowed(answer: Answer) -> Any:
    assert isinstance(answer.body, dict)
    return answer.body["response"]


@contextmanager
def spoiled(house: House, how: str) -> Iterator[None]:
    if how == "closed":
        house.database.close()
    if how == "overwritten":
        for file in house.database.path.parent.glob("state.sqlite*"):
            file.write_bytes(b"no database at all" * 4096)
    other = sqlite3.connect(house.database.path, isolation_level=None)
    if how == "locked":
        other.execute("BEGIN EXCLUSIVE")
    yield
    other.close()


@pytest.mark.parametrize("how", ["closed", "overwritten", "locked"])
@pytest.mark.parametrize("warm", [True, False], ids=["warm caches", "cold"])
def test_a_review_is_allowed_though_the_store_is_away(house: House, how: str, *, warm: bool) -> None:
    if warm:
        house.admit(recorded("deployment-create"))
    review = recorded("deployment-image")
    with spoiled(house, how):
        assert allowed(house.admit(review)) == {"uid": review["request"]["uid"], "allowed": True}
    assert house.counted["error"] == 1


@pytest.mark.parametrize("warm", [True, False], ids=["warm caches", "cold"])
def test_a_review_is_allowed_in_time_though_the_store_hangs(house: House, *, warm: bool) -> None:
    if warm:
        house.admit(recorded("deployment-create"))
    review, back = recorded("deployment-image"), threading.Event()
    house.store.held = back.wait
    answer = allowed(house.admit(review, query={"timeout": "200ms"}))
    assert {"uid": review["request"]["uid"], "allowed": True} == answer
    assert house.counted["late"] == 1
    back.set()


def test_once_too_many_are_overdue_the_others_are_not_begun_until_the_store_is_back(house: House) -> None:
    house.admit(recorded("deployment-create"))
    back = threading.Event()
    house.store.held = back.wait
    house.admission = replace(house.admission, intake=Intake(house.store, 2))
    for _ in range(4):
        house.admit(altered(recorded("deployment-image")), query={"timeout": "100ms"})
    assert (2, 2) == (house.counted["late"], house.counted["busy"])
    back.set()
    while house.verdicts() == ["ignored"]:
        house.decide()
        time.sleep(0.01)
    house.admit(recorded("deployment-env"), query={"timeout": "10s"})
    assert ["ignored", "triggered", "triggered"] == house.verdicts()


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        pytest.param({"timeout": "1s"}, 0.75, id="a part of what the API server waits"),
        pytest.param({"timeout": "2s"}, 1.5, id="of its time-out in our manifests"),
        pytest.param({"timeout": "30s"}, 2.0, id="never longer than this"),
        pytest.param({"timeout": "1m0s"}, 2.0, id="in minutes"),
        pytest.param({"timeout": "soon"}, 2.0, id="no duration"),
        pytest.param({}, 2.0, id="none"),
    ],
)
def test_a_review_is_answered_before_the_api_server_gives_up(query: dict[str, str], seconds: float) -> None:
    assert seconds == patience(query)


def test_what_was_lost_while_the_store_was_away_is_taken_when_it_comes_again(house: House) -> None:
    with spoiled(house, "locked"):
        house.admit(recorded("deployment-image"))
    house.admit(recorded("deployment-image"))
    assert house.counted == {"error": 1, "kept": 1, "triggered": 1}


def test_a_batch_is_to_be_sent_again_when_the_store_is_away(house: House) -> None:
    with spoiled(house, "locked"), pytest.raises(Unavailable):
        house.hear(batch())
    house.hear(batch())
    assert house.counted == {"ignored": 1, "triggered": 3}


def test_a_policy_book_that_cannot_be_read_holds_nothing_up(house: House) -> None:
    house.store.commit([Put(POLICIES.key("shop"), b"no book")])
    assert allowed(house.admit(recorded("deployment-image")))["allowed"] is True
    assert house.counted == {"kept": 1, "error": 1}
    assert house.waiting() == []


def test_an_object_that_cannot_be_read_holds_nothing_up(house: House) -> None:
    body = json.dumps(recorded("deployment-image")).replace('"replicas": 2', '"replicas": 1e999')
    assert allowed(house.admit(body.encode()))["allowed"] is True
    assert house.counted == {"kept": 1, "broken": 1}
    assert house.waiting() == []


def test_a_policy_that_comes_between_reading_and_writing_decides(house: House) -> None:
    replicas = Policy("replicas", conditions=(Condition("spec.replicas", "Change"),))
    house.store.meddlers = iter([lambda: house.store.store.commit([POLICIES.put(PolicyBook((replicas,)), "shop")])])
    house.admit(recorded("deployment-image"))
    (row,) = house.rows()
    assert ("ignored", "no policy matches") == (row.verdict, fields(row)["rule"])


def _touch(house: House) -> None:
    record = house.store.store.get(PROJECTS.key("shop"))
    assert record is not None
    house.store.store.commit([Put(record.key, record.value)])


def test_others_that_write_a_few_times_delay_a_decision(house: House) -> None:
    house.store.meddlers = repeat(lambda: _touch(house), 5)
    house.admit(recorded("deployment-image"))
    assert house.verdicts() == ["triggered"]


def test_others_that_do_not_stop_writing_delay_a_decision_until_its_message_comes_again(house: House) -> None:
    house.store.meddlers = repeat(lambda: _touch(house))
    with pytest.raises(Unavailable, match="others keep writing"):
        house.admit(recorded("deployment-image"))
    with pytest.raises(Unavailable, match="send it again"):
        house.hear(batch())
    house.store.meddlers = iter(())
    house.turns.reviews(Message("again", "workload_admission", "reviews", {"cluster": "c1", "workload": WEB}))
    assert ({"kept": 1, "triggered": 1}, []) == (house.counted, house.waiting())


def test_a_project_that_vanishes_between_reading_and_writing_ends_the_matter(house: House) -> None:
    house.store.meddlers = iter([lambda: house.store.store.commit([PROJECTS.delete("shop")])])
    house.admit(recorded("deployment-image"))
    assert house.counted == {"kept": 1, "gitops_off": 1}
    assert house.waiting() == []


def test_one_change_that_many_reviews_tell_at_once_triggers_once(house: House) -> None:
    reviews = [altered(recorded("deployment-image")) for _ in range(16)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(house.admit, reviews))
    assert house.verdicts() == ["triggered"]
    assert len(house.store.messages) == 1
