"""Reviews that the cluster's own subscriber answers: the same verdicts, and nothing of an object leaves in plain."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.errors import BadInput, TooLarge, Unavailable
from shared.model.calls import Answer
from shared.model.heartbeats import Asked
from shared.model.ledger import Event
from shared.model.orders import Guard, Target
from shared.model.policies import Condition, Policy
from shared.model.projects import Safety
from shared.rules.digests import sealing_key
from shared.rules.guards import Proved, prove
from shared.rules.sealing import MOST_KEYS
from shared.services.subscriber.letters import Letters
from tests.services.inside import KEY, Inside, inside_of
from tests.services.watched import DELIVERIES, House, altered, fields, recorded, trigger

IMAGE = "spec.template.spec.containers[0].image"
MODE = "spec.template.spec.containers[?name=='web'].env[] | [?name=='MODE'].value | [0]"
NAMES = sorted(path.stem for path in (DELIVERIES / "admission").glob("*.json"))
STORY = (
    *("deployment-create", "deployment-image", "deployment-scale-subresource", "deployment-env", "deployment-replicas"),
    *sorted(set(NAMES) - {"deployment-delete"}),
    "deployment-delete",
)
"""All that was recorded: first what made the Deployment what it is, last its end."""


@pytest.fixture
def inside(house: House) -> Iterator[Inside]:
    with inside_of(house) as found:
        yield found


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[House]:
    """The same project, whose API server calls the portal itself."""
    folder = tmp_path / "direct"
    folder.mkdir()
    made = House(folder)
    yield made
    made.database.close()


def policy(name: str, *conditions: tuple[str, Any, str | None], **more: Any) -> Policy:
    return Policy(name, conditions=tuple(Condition(*one) for one in conditions), **more)


def verdict(row: Event) -> tuple[Any, ...]:
    told = fields(row)
    matches = [(one["policy"], one["matches"], one["unknown"]) for one in told["policies"]]
    return row.subject, row.verdict, told.get("rule"), told["changed"], told["actor"], told["source"], matches


@pytest.mark.parametrize(
    "policies",
    [
        pytest.param([], id="no policy"),
        pytest.param([policy("image", (IMAGE, "NotEqualTo", "nginx:1.0"))], id="an image"),
        pytest.param([policy("image", (IMAGE, "GreaterThan", "1.25.0"))], id="a newer image"),
        pytest.param([policy("replicas", ("spec.replicas", "GreaterThan", "2"))], id="replicas"),
        pytest.param([policy("mode", (MODE, "EqualTo", "b")), policy("image", (IMAGE, "Change", None))], id="env"),
        pytest.param(
            [policy("both", ("spec.replicas", "Change", None), (IMAGE, "NotEqualTo", "nginx:1.0"))],
            id="replicas where the image is",
        ),
        pytest.param(
            [policy("count", ("length(spec.template.spec.containers)", "GreaterThan", "1"), operations=("CREATE",))],
            id="a function at a creation",
        ),
        pytest.param([policy("label", ("metadata.labels.app", "Change", None))], id="a label"),
    ],
)
def test_each_recorded_review_has_the_verdict_that_it_has_directly(
    inside: Inside, direct: House, policies: list[Policy]
) -> None:
    house = inside.door.house
    for one in (house, direct):
        one.policies(*policies)
    for name in STORY:
        direct.admit(altered(recorded(name)))
        inside.told(altered(recorded(name)))
    assert [verdict(row) for row in direct.rows()] == [verdict(row) for row in house.rows()]
    assert {"ignored", "triggered"} >= {row.verdict for row in house.rows()}
    assert {"triggered"} <= {row.verdict for row in house.rows()} or policies[0].name in {"label", "count"}


def test_going_back_is_known_as_such_too(inside: Inside, direct: House) -> None:
    there = recorded("deployment-image")
    back = deepcopy(there)
    old, new = back["request"]["oldObject"], back["request"]["object"]
    back["request"] |= {"uid": "back", "object": old, "oldObject": new}
    back["request"]["object"]["metadata"]["generation"] = 3
    for one in (inside.door.house, direct):
        one.settle(Safety(cooldown="0s", storm=None))
    for review in (there, back):
        direct.admit(review)
        inside.told(review)
    for house in (inside.door.house, direct):
        assert ["triggered", "ignored"] == house.verdicts()
        assert "rollback" in house.rows()[-1].reason


def leaves(value: Any) -> Iterator[str]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if below is None:
        yield json.dumps(value)
    else:
        for one in below:
            yield from leaves(one)


def private(name: str) -> set[str]:
    """The values of a recorded review's objects that are not to leave: all outside metadata that none of it repeats."""
    request = recorded(name)["request"]
    objects = [side for side in (request.get("object"), request.get("oldObject")) if side]
    open_ = {leaf for side in objects for leaf in leaves([side["metadata"], side["kind"], side["apiVersion"]])}
    hidden = {leaf for side in objects for part in ("spec", "data") for leaf in leaves(side.get(part))}
    return {leaf for leaf in hidden - open_ if leaf.startswith('"') and len(leaf) > 4}


def test_no_value_of_an_object_leaves_the_cluster_but_what_policies_ask_for(inside: Inside) -> None:
    inside.door.house.policies(policy("mode", (MODE, "EqualTo", "b")))
    for name in STORY:
        inside.told(altered(recorded(name)))
    wire = b"\n".join(inside.door.bodies)
    hidden = {leaf for name in STORY for leaf in private(name)}
    assert len(hidden) > 10
    assert [] == [leaf for leaf in sorted(hidden) if leaf.encode() in wire]
    assert b"nginx" not in wire
    assert b"busybox" not in wire
    assert b"last-applied" not in wire
    assert b'"value":"b"' in wire


def test_an_image_leaves_only_where_a_policy_compares_it(inside: Inside) -> None:
    inside.door.house.policies(policy("image", (IMAGE, "EqualTo", "nginx:1.25.1")))
    inside.told(recorded("deployment-image"))
    wire = b"\n".join(inside.door.bodies)
    assert b"nginx" in wire
    assert b"busybox" not in wire


def test_what_triggered_is_proved_by_the_object_that_did(inside: Inside) -> None:
    review = recorded("deployment-image")
    inside.told(review)
    [row] = inside.door.house.rows()
    told = trigger(row)
    guard = Guard(Target("Deployment", "default", "web"), told.uid, told.changed)
    assert Proved() == prove(review["request"]["object"], guard, sealing_key(KEY))
    assert Proved() != prove(review["request"]["oldObject"], guard, sealing_key(KEY))


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


def test_keys_that_cannot_be_evaluated_here_are_left_out(house: House) -> None:
    told = {"plain": ["spec.replicas", "a[", "later(spec)"], "moved": ["length(spec)"] * (MOST_KEYS + 1)}
    letters = Letters(lambda *_: Answer(200, json.dumps(told).encode()), "c1", KEY, house.clock, new_id)
    letters.alive()
    assert Asked(("spec.replicas",), ("length(spec)",) * MOST_KEYS) == letters.asks.last


def test_what_is_no_review_is_refused(inside: Inside) -> None:
    with pytest.raises(BadInput, match="no AdmissionReview"):
        inside.admit(b"{}")
    with pytest.raises(TooLarge):
        inside.admit(gzip.compress(b" " * (9 << 20)), **{"content-encoding": "gzip"})
    assert {} == inside.counted


def test_a_key_that_a_policy_has_just_named_is_unknown_until_the_next_heartbeat(inside: Inside) -> None:
    house = inside.door.house
    inside.letters.alive()
    house.policies(policy("mode", (MODE, "NotEqualTo", "z"), (IMAGE, "Change", None)))
    house.clock.advance(60)
    inside.told(altered(recorded("deployment-image"), image="nginx:1"))
    inside.letters.alive()
    inside.told(altered(recorded("deployment-image"), image="nginx:2"))
    assert ["ignored", "triggered"] == house.verdicts()
    assert [True, False] == [fields(row)["policies"][0]["unknown"] for row in house.rows()]
