"""What of an object leaves its cluster, and how sealed sights are told apart."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from shared.model.changes import Shown, Side, Sighting, Tracked
from shared.model.experiments import Problem
from shared.model.heartbeats import Asked
from shared.model.policies import Condition, Operator, Policy
from shared.rules import sides
from shared.rules.digests import key_name, seal, side
from shared.rules.paths import diff
from shared.rules.sealing import LARGEST, MOST_KEYS, aligned, asked_of, sealed
from tests.rules.sights import at, deployment, event, heartbeat, review, scale

KEY, FORMER = b"k" * 32, b"f" * 32
NOTHING = Asked()
IMAGE = "spec.template.spec.containers[0].image"


def web(**spec: Any) -> dict[str, Any]:
    pods = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"checksum": "private"}},
        "spec": {"containers": [{"name": "private", "image": "private:1", "env": [{"name": "A", "value": "private"}]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "uid": "u1", "generation": 3, "labels": {"app": "web"}},
        "spec": {"replicas": 2, "paused": True, "template": pods, "nothing": None, "none": [], **spec},
    }


def cover(one: Side, name: str = "") -> Side:
    """Seal as a portal does that has both keys, the newer one to use where the other is not named."""
    return sealed(one, FORMER if name == key_name(FORMER) else KEY, NOTHING)


def leaves(value: Any) -> list[Any]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if below is None else [leaf for one in below for leaf in leaves(one)]


def test_every_value_outside_metadata_is_sealed_but_replicas_and_the_labels_of_pods() -> None:
    found = sealed(side(web(), KEY), KEY, NOTHING).content
    open_ = {"apps/v1", "Deployment", "web", "u1", 3, 2, None}
    hidden = [
        one for one in leaves(found) if not (isinstance(one, str) and re.fullmatch("hmac-sha256:[0-9a-f]{64}", one))
    ]
    assert open_ == set(hidden)
    assert b"private" not in msgspec.json.encode(found)
    assert ({"app": "web"}, web()["metadata"]) == (found["spec"]["template"]["metadata"]["labels"], found["metadata"])
    assert [] == found["spec"]["none"]


def test_what_tells_sights_apart_is_as_the_api_server_sent_it() -> None:
    plain = side(web(), KEY)
    found = sealed(plain, KEY, NOTHING)
    assert (plain.uid, plain.digest, plain.generation, sides.marks(plain)) == (
        found.uid,
        found.digest,
        found.generation,
        sides.marks(found),
    )
    assert (key_name(KEY), found) == (found.sealed, sealed(found, FORMER, NOTHING))


@pytest.mark.parametrize("count", [pytest.param("2", id="text"), pytest.param(True, id="boolean")])
def test_replicas_that_are_no_number_are_sealed(count: Any) -> None:
    assert seal(count, KEY) == sealed(side(web(replicas=count), KEY), KEY, NOTHING).content["spec"]["replicas"]


def test_the_values_of_a_secret_are_sealed_once() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "type": "Opaque", "data": {"password": "aHVudGVyMg=="}}
    found = sealed(side(secret, KEY), KEY, NOTHING).content
    assert (seal("aHVudGVyMg==", KEY), seal("Opaque", KEY)) == (found["data"]["password"], found["type"])


def test_two_sealed_sights_differ_where_the_objects_do() -> None:
    old, new = web(), web(paused=False, extra={"a": 1})
    expected = [one.path for one in diff(old, new)]
    found = diff(*(sealed(side(one, KEY), KEY, NOTHING).content for one in (old, new)))
    assert expected == [one.path for one in found]


def test_what_the_keys_of_policies_find_goes_beside_the_object() -> None:
    asked = Asked(plain=(IMAGE, "spec.gone"), moved=("length(spec.template.spec.containers)",))
    found = sealed(side(web(), KEY), KEY, asked)
    assert {
        IMAGE: Shown(seal("private:1", KEY), told=True, value="private:1"),
        "spec.gone": Shown("", told=True),
        "length(spec.template.spec.containers)": Shown(seal(1, KEY)),
    } == found.shown
    assert sealed(side(web(), KEY), KEY, NOTHING).content == found.content


def test_a_large_value_shows_only_whether_it_moved() -> None:
    long = "x" * LARGEST
    assert Shown(seal(long, KEY)) == sealed(side(web(a=long), KEY), KEY, Asked(plain=("spec.a",))).shown["spec.a"]


def test_the_values_of_a_secret_are_not_told_to_who_asks() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}}
    found = sealed(side(secret, KEY), KEY, Asked(plain=("data.password",)))
    assert b"aHVudGVyMg==" not in msgspec.json.encode(found)


def test_a_scale_is_asked_nothing() -> None:
    assert {} == sealed(scale(3), KEY, Asked(plain=("spec.replicas",))).shown


def conditions(*pairs: tuple[str, Operator]) -> tuple[Condition, ...]:
    return tuple(Condition(key, operator, "1") for key, operator in pairs)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(Policy("p", conditions=conditions((IMAGE, "EqualTo"))), Asked((IMAGE,)), id="compared"),
        pytest.param(Policy("p", conditions=conditions((IMAGE, "Change"))), NOTHING, id="a path that may change"),
        pytest.param(
            Policy("p", conditions=conditions(("length(spec)", "Change"))),
            Asked(moved=("length(spec)",)),
            id="a function of what may change",
        ),
        pytest.param(
            Policy("p", conditions=conditions(("length(spec)", "Change"), ("length(spec)", "EqualTo"))),
            Asked(("length(spec)",)),
            id="both",
        ),
        pytest.param(
            Policy("p", conditions=conditions(("metadata.labels.app", "EqualTo"))), NOTHING, id="metadata is open"
        ),
        pytest.param(
            Policy("p", conditions=conditions(("length(metadata.labels)", "EqualTo"))),
            Asked(("length(metadata.labels)",)),
            id="a function of metadata",
        ),
        pytest.param(Policy("p", conditions=conditions((IMAGE, "EqualTo")), cluster="c2"), NOTHING, id="elsewhere"),
        pytest.param(
            Policy("p", conditions=conditions((IMAGE, "EqualTo")), problem=Problem("broken")), NOTHING, id="invalid"
        ),
        pytest.param(
            Policy("p", conditions=conditions(*((f"spec.a{number}", "EqualTo") for number in range(300)))),
            Asked(tuple(sorted(f"spec.a{number}" for number in range(300))[:MOST_KEYS])),
            id="too many",
        ),
    ],
)
def test_a_cluster_is_asked_for_what_seals_do_not_tell(policy: Policy, expected: Asked) -> None:
    assert expected == asked_of([policy], "c1")


def tracked(fact: Side | None, candidate: Side | None = None) -> Tracked:
    return Tracked(heartbeat(deployment()).workload, fact, candidate, at(0), seen=("id-1",))


ONE, TWO = deployment("web:1"), deployment("web:2", generation=2)


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        pytest.param(None, heartbeat(cover(ONE)), id="nothing known"),
        pytest.param(tracked(ONE, TWO), heartbeat(TWO), id="all plain"),
        pytest.param(tracked(cover(ONE)), heartbeat(cover(TWO)), id="all sealed"),
        pytest.param(tracked(cover(ONE)), review(ONE, TWO), id="a review, which has both sides"),
        pytest.param(tracked(cover(ONE)), event(scale(3)), id="a Scale"),
        pytest.param(tracked(cover(ONE)), review(ONE, None, operation="DELETE"), id="a deletion"),
    ],
)
def test_what_needs_no_comparison_or_is_of_one_form_stays(known: Tracked | None, seen: Sighting) -> None:
    assert (known, seen) == aligned(known, seen, cover)


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        pytest.param(tracked(ONE, TWO), heartbeat(cover(TWO)), id="a sealed sight of what is known in plain"),
        pytest.param(tracked(cover(ONE), TWO), heartbeat(TWO), id="a plain sight of what is known sealed"),
        pytest.param(tracked(None, ONE), heartbeat(cover(TWO)), id="a candidate alone"),
    ],
)
def test_one_sealed_side_seals_all_that_it_is_compared_with(known: Tracked, seen: Sighting) -> None:
    found, shown = aligned(known, seen, cover)
    assert found is not None
    assert (known.fact and cover(known.fact), known.candidate and cover(known.candidate)) == (
        found.fact,
        found.candidate,
    )
    assert (cover(TWO), known.seen) == (shown.new, found.seen)


def test_what_bore_the_name_before_is_sealed_alike() -> None:
    known = Tracked(heartbeat(ONE).workload, candidate=cover(ONE), former=ONE)
    found, _ = aligned(known, heartbeat(cover(TWO)), cover)
    assert found == Tracked(known.workload, candidate=cover(ONE), former=cover(ONE))


def test_what_was_sealed_under_another_key_is_not_compared() -> None:
    seen = heartbeat(cover(TWO))
    assert (None, seen) == aligned(tracked(sealed(ONE, FORMER, NOTHING)), seen, cover)


def test_what_is_known_in_plain_is_compared_under_the_key_of_whoever_saw_it_sealed() -> None:
    seen = heartbeat(sealed(TWO, FORMER, NOTHING))
    assert (tracked(sealed(ONE, FORMER, NOTHING)), seen) == aligned(tracked(ONE), seen, cover)


def secret(key: bytes, value: str = "aHVudGVyMg==") -> Side:
    """Return a sight of a Secret that came whole and was sealed under `key` as it arrived."""
    obj = {"kind": "Secret", "metadata": {"name": "web", "uid": "u1"}, "type": "Opaque", "data": {"password": value}}
    return side(obj, key)


@pytest.mark.parametrize(
    ("known", "seen", "comparable"),
    [
        pytest.param(secret(KEY), secret(KEY), True, id="both whole, one key"),
        pytest.param(secret(FORMER), secret(KEY), False, id="both whole, another key"),
        pytest.param(secret(KEY), cover(secret(KEY)), True, id="then sealed, one key"),
        pytest.param(secret(FORMER), cover(secret(KEY)), False, id="then sealed, another key"),
        pytest.param(cover(secret(FORMER), key_name(FORMER)), secret(FORMER), True, id="sealed first, one key"),
        pytest.param(cover(secret(KEY)), secret(FORMER), False, id="sealed first, another key"),
    ],
)
def test_a_secret_is_compared_only_with_what_its_own_key_sealed(known: Side, seen: Side, comparable: bool) -> None:
    found, shown = aligned(tracked(known), heartbeat(seen), cover)
    assert comparable is (found is not None)
    if found is not None and found.fact and shown.new:
        assert found.fact.content == shown.new.content
