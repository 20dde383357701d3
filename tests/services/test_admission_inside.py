"""Reviews that the cluster's own subscriber answers: the same verdicts, and nothing of an object leaves in plain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.clients.ids import new_id
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


def test_keys_that_cannot_be_evaluated_here_are_left_out(house: House) -> None:
    told = {"plain": ["spec.replicas", "a[", "later(spec)"], "moved": ["length(spec)"] * (MOST_KEYS + 1)}
    letters = Letters(lambda *_: Answer(200, json.dumps(told).encode()), "c1", KEY, house.clock, new_id)
    letters.alive()
    assert Asked(("spec.replicas",), ("length(spec)",) * MOST_KEYS) == letters.asks.last


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
