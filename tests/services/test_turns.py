"""Reviews are answered before they are decided on: in their turn, once, and before whatever comes after them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from shared.errors import BadInput, Unavailable
from shared.model.changes import KeptReview
from shared.model.messages import Message
from shared.model.projects import Cluster, GitOps, Project
from shared.model.records import Put
from shared.services.admission import KEEPABLE
from shared.services.tables import CLUSTERS, KEPT, PROJECTS
from shared.services.turns import Turns
from tests.services.watched import LOOSE, WEB, House, altered, batch, recorded

ASKED = Message("m", "workload_admission", "reviews", {"cluster": "c1", "workload": WEB})


def keep(house: House, *reviews: dict[str, Any]) -> None:
    """Have reviews answered and kept."""
    for review in reviews:
        house.clock.advance(1)
        answer: Any = house.admission.admit(house.call("admission", review, "c1")).body
        assert answer["response"] == {"uid": review["request"]["uid"], "allowed": True}


def test_a_review_is_answered_before_anything_is_decided(house: House) -> None:
    review = recorded("deployment-image")
    keep(house, review)
    (kept,) = house.waiting()
    assert ([], None, {"kept": 1}) == (house.rows(), house.tracked(), house.counted)
    told, asked = json.loads(bytes(kept.body))["request"], review["request"]
    assert asked["object"]["spec"] == told["object"]["spec"]
    assert {"status"} == asked["oldObject"].keys() - told["oldObject"].keys()
    assert {"managedFields"} == asked["object"]["metadata"].keys() - told["object"]["metadata"].keys()
    assert ({"username", "groups"}, False) == (set(told["userInfo"]), "options" in told)
    assert [ASKED.ids] == [one.ids for one in house.store.drawn("reviews")]


def test_a_message_decides_on_all_that_is_kept_of_its_workload_in_the_order_it_came(house: House) -> None:
    keep(house, recorded("deployment-create"), recorded("deployment-image"), recorded("deployment-scale-subresource"))
    house.turns.reviews(ASKED)
    assert (["ignored", "triggered", "triggered"], []) == (house.verdicts(), house.waiting())
    assert {"kept": 3, "ignored": 1, "triggered": 2} == house.counted


def test_further_messages_of_the_same_workload_find_nothing_to_do(house: House) -> None:
    keep(house, recorded("deployment-create"), recorded("deployment-image"))
    messages = house.store.drawn("reviews")
    for asked in (*messages, *messages):
        house.turns.reviews(asked)
    assert (2, ["ignored", "triggered"]) == (len(messages), house.verdicts())


def test_an_audit_event_is_decided_on_after_the_reviews_that_came_before_it(house: House) -> None:
    keep(house, recorded("deployment-create"), recorded("deployment-image"))
    house.hear(batch())
    assert ["admission", "admission", "audit", "audit"] == [row.detail["source"] for row in house.rows()]
    assert (["ignored", "triggered"], []) == (house.verdicts()[:2], house.waiting())


def test_a_review_was_made_when_it_came_and_not_when_it_is_decided_on(house: House) -> None:
    keep(house, recorded("deployment-image"))
    came = house.waiting()[0].at
    house.clock.advance(600)
    house.turns.reviews(ASKED)
    (row,) = house.rows()
    assert came < row.at
    assert came == house.tracked().at


def test_each_of_many_reviews_is_decided_on_once_though_many_are_asked_to(house: House) -> None:
    images = [altered(recorded("deployment-image"), image=f"web:{number}") for number in range(6)]
    keep(house, *images)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(house.turns.reviews, house.store.drawn("reviews")))
    assert {"kept": 6, "triggered": 6} == house.counted
    assert [] == house.waiting()


def test_a_decision_that_does_not_come_to_its_commit_is_made_again(house: House) -> None:
    def away() -> None:
        raise Unavailable("the disk is full")

    keep(house, recorded("deployment-image"))
    house.store.meddlers = iter([away])
    with pytest.raises(Unavailable):
        house.turns.reviews(ASKED)
    assert ([], 1) == (house.rows(), len(house.waiting()))
    house.turns.reviews(ASKED)
    assert (["triggered"], []) == (house.verdicts(), house.waiting())


def test_a_review_without_news_leaves_nothing(house: House) -> None:
    keep(house, recorded("deployment-scale-subresource"))
    house.turns.reviews(ASKED)
    assert ([], [], {"kept": 1, "untracked": 1}) == (house.rows(), house.waiting(), house.counted)


@pytest.mark.parametrize(
    "gone", ["the cluster", "GitOps", "the cluster, to another project", "the cluster, for a while"]
)
def test_what_was_kept_for_nobody_is_dropped(house: House, gone: str) -> None:
    keep(house, recorded("deployment-image"))
    if gone == "GitOps":
        house.settle(enabled=False)
    else:
        house.store.commit([CLUSTERS.delete("c1")])
    if gone == "the cluster, to another project":
        settings = GitOps("file:///r", "litmus/other", mode="enforce")
        other = Project("other", "other", "2026-01-01T00:00:00.000Z", settings, LOOSE)
        again = Cluster("c1", "other", "c1", "2026-01-01T00:00:00.000Z")
        house.store.commit([PROJECTS.put(other, "other"), CLUSTERS.put(again, "c1")])
    if gone == "the cluster for a while":
        again = Cluster("c1", "shop", "c1", "2026-01-01T00:00:00.000Z", version=2, registration=2)
        house.store.commit([CLUSTERS.put(again, "c1")])
    house.clock.advance(10)
    house.turns.reviews(ASKED)
    assert ([], [], {"kept": 1, "gitops_off": 1}) == (house.rows(), house.waiting(), house.counted)


def test_a_project_that_is_turned_off_while_a_review_is_decided_on_ends_the_matter_for_all_who_try(
    house: House,
) -> None:
    keep(house, recorded("deployment-image"))

    def turn_off() -> None:
        house.settle(enabled=False)
        other.reviews(ASKED)

    other = Turns(house.turns.sightings, house.count)
    house.store.meddlers = iter([turn_off])
    house.turns.reviews(ASKED)
    assert ([], [], {"kept": 1, "gitops_off": 1}) == (house.rows(), house.waiting(), house.counted)


def _secret(value: str) -> dict[str, Any]:
    """Return a review of a watched Secret with this value."""
    review = altered(recorded("configmap-change"))
    request = review["request"]
    request["kind"]["kind"], request["resource"]["resource"] = "Secret", "secrets"
    for side, text in (("object", value), ("oldObject", "b2xk")):
        request[side] |= {"kind": "Secret", "data": {"password": text}}
    return review


def _large() -> dict[str, Any]:
    review = recorded("deployment-image")
    review["request"]["object"]["metadata"]["annotations"]["note"] = "x" * KEEPABLE
    return review


@pytest.mark.parametrize("review", [pytest.param(_secret("bmV3"), id="secret"), pytest.param(_large(), id="too large")])
def test_what_must_not_be_kept_or_is_too_large_is_decided_on_at_once(house: House, review: dict[str, Any]) -> None:
    keep(house, review)
    assert ([], 1, 0) == (house.store.drawn("reviews"), len(house.rows()), house.counted["kept"])


@pytest.mark.parametrize("where", ["kind", "object", "oldObject"])
def test_no_review_that_names_a_secret_anywhere_is_kept(house: House, where: str) -> None:
    review = altered(recorded("deployment-image"))
    review["request"][where]["kind"] = "Secret"
    keep(house, review)
    assert [] == house.store.drawn("reviews")
    assert not list(house.database.rows("SELECT sort FROM record WHERE partition LIKE 'kept/%'", ()))


def nested(depth: int) -> bytes:
    """Return a review whose object is nested so deeply."""
    review = altered(recorded("deployment-image"))
    review["request"]["object"]["spec"]["nested"] = "HERE"
    return json.dumps(review).replace('"HERE"', "[" * depth + "]" * depth).encode()


def test_what_is_nested_almost_too_deeply_is_in_the_way_of_nothing_else(house: House) -> None:
    accepted = 0
    for depth in range(1_000, 800, -1):
        with suppress(BadInput):
            house.admission.admit(house.call("admission", nested(depth), "c1"))
            accepted += 1
    keep(house, recorded("deployment-env"))
    house.turns.reviews(ASKED)
    house.hear(batch())
    assert ([], accepted > 50, "triggered" in house.verdicts()) == (house.waiting(), True, True)


def test_a_record_that_cannot_be_read_is_in_the_way_of_nothing_else(house: House) -> None:
    house.store.commit([Put(KEPT.key("c1", WEB, "0"), b"no review")])
    keep(house, recorded("deployment-image"))
    house.turns.reviews(ASKED)
    assert (["triggered"], []) == (house.verdicts(), house.waiting())
    assert {"kept": 1, "error": 1, "triggered": 1} == house.counted


def test_reviews_in_two_traces_go_on_each_in_its_own(house: House) -> None:
    traces = [f"00-{number:032x}-b7ad6b7169203331-01" for number in (1, 2)]
    for trace, name in zip(traces, ("deployment-image", "deployment-env"), strict=True):
        house.admission.admit(house.call("admission", recorded(name), "c1", headers={"traceparent": trace}))
    house.turns.reviews(ASKED)
    assert traces == [one.ids["traceparent"] for one in house.store.messages if one.action == "change"]


def test_what_is_kept_bears_its_trace(house: House) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    house.admission.admit(house.call("admission", recorded("deployment-image"), "c1", headers={"traceparent": trace}))
    (kept,), (asked,) = house.waiting(), house.store.drawn("reviews")
    assert isinstance(kept, KeptReview)
    assert (trace, trace) == (kept.traceparent, asked.ids["traceparent"])
    house.turns.reviews(asked)
    assert trace == house.rows()[0].detail["traceparent"]
