"""Policies on objects that left their cluster sealed: what is not known never matches, and says so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.changes import Change, Side
from shared.model.heartbeats import Asked
from shared.model.policies import Condition, Operator, Opinion
from shared.rules.digests import side as sight
from shared.rules.sealing import sealed
from shared.rules.sides import changed, metadata_changed, scaled
from tests.rules.policed import WATCHED, change, decided, policy

KEY = b"k" * 32
IMAGE = "containers[0].image"
CONTAINERS = "length(spec.containers)"
NAMED = "spec.containers[?name=='web'].image | [0]"
SOME = Asked(plain=("spec.containers[0].image", NAMED), moved=(CONTAINERS,))


def web(image: str = "web:1", replicas: int = 2, *others: str, asked: Asked = SOME) -> Side:
    containers = [{"name": name, "image": image} for name in ("web", *others)]
    metadata = {"name": "web", "namespace": "shop", "uid": "u1", "generation": 1, "annotations": WATCHED}
    spec = {"replicas": replicas, "containers": containers}
    return sealed(sight({"kind": "Deployment", "metadata": metadata, "spec": spec}, KEY), KEY, asked)


def told(old: Side | None, new: Side) -> Change:
    made = change(old, new, changed(old, new), metadata_changed=metadata_changed(old, new))
    return made if old else msgspec.structs.replace(made, operation="CREATE")


def opinion(tried: Change, *conditions: tuple[str, Operator, str | None], kind: Any = "and", **fields: Any) -> Opinion:
    named = tuple(Condition(*one) for one in conditions)
    return decided(tried, policy(conditions=named, condition_type=kind, **fields)).opinions[0]


OTHER = told(web("web:1"), web("web:2"))
UNASKED = told(web("web:1", asked=Asked()), web("web:2", asked=Asked()))
ALIKE: tuple[str, Operator, str] = ("spec.containers[0].image", "EqualTo", "web:2")
NO_WEB: tuple[str, Operator, str] = ("spec.containers[0].image", "NotEqualTo", "web:9")
GREW: tuple[str, Operator, str] = ("spec.replicas", "GreaterThan", "1")
SHRANK: tuple[str, Operator, str] = ("spec.replicas", "LessThan", "1")
MOVED: tuple[str, Operator, None] = ("spec.containers[0].image", "Change", None)


@pytest.mark.parametrize(
    ("tried", "conditions", "kind", "matches", "unknown"),
    [
        pytest.param(OTHER, [ALIKE], "and", True, False, id="asked for"),
        pytest.param(OTHER, [(NAMED, "EqualTo", "web:2")], "and", True, False, id="asked for by a filter"),
        pytest.param(UNASKED, [ALIKE], "and", False, True, id="not asked for"),
        pytest.param(UNASKED, [NO_WEB], "and", False, True, id="not asked for, and the opposite"),
        pytest.param(UNASKED, [MOVED], "and", True, False, id="a change shows without being asked for"),
        pytest.param(UNASKED, [MOVED, ALIKE], "and", False, True, id="a change, and what is not known"),
        pytest.param(UNASKED, [MOVED, ALIKE], "or", True, False, id="a change, or what is not known"),
        pytest.param(UNASKED, [SHRANK, ALIKE], "and", False, False, id="what does not hold, and what is not known"),
        pytest.param(UNASKED, [SHRANK, ALIKE], "or", False, True, id="what does not hold, or what is not known"),
        pytest.param(UNASKED, [(CONTAINERS, "Change", None)], "and", False, True, id="a function not asked for"),
        pytest.param(UNASKED, [(NAMED, "EqualTo", "web:2")], "and", False, True, id="a filter not asked for"),
        pytest.param(
            told(web("web:1", 2, "log"), web("web:1")),
            [(CONTAINERS, "Change", None)],
            "and",
            True,
            False,
            id="function",
        ),
        pytest.param(OTHER, [(CONTAINERS, "Change", None)], "and", False, False, id="a function that did not move"),
        pytest.param(
            told(web("web:1", asked=Asked()), web("web:2")),
            [(NAMED, "EqualTo", "web:2")],
            "and",
            False,
            True,
            id="asked for since the last sight",
        ),
        pytest.param(
            told(web("web:1", asked=Asked()), web("web:2")), [ALIKE], "and", True, False, id="a path, asked for since"
        ),
    ],
)
def test_what_is_sealed_is_unknown_unless_it_was_asked_for(
    tried: Change, conditions: list[tuple[str, Operator, str | None]], kind: Any, matches: bool, unknown: bool
) -> None:
    found = opinion(tried, *conditions, kind=kind)
    assert (matches, unknown) == (found.matches, found.unknown), found.reason


def test_at_a_creation_what_was_asked_for_is_known_and_the_rest_is_not() -> None:
    created = told(None, web("web:2"))
    assert opinion(created, ALIKE, operations=("CREATE",)).matches
    assert opinion(created, (CONTAINERS, "Change", None), operations=("CREATE",)).matches
    found = opinion(told(None, web(asked=Asked())), (CONTAINERS, "Change", None), operations=("CREATE",))
    assert (False, True) == (found.matches, found.unknown)


BEFORE = web("web:1", 2, asked=Asked(plain=(*SOME.plain, "spec", "[spec.replicas]"), moved=("length(spec)",)))
AFTER = scaled(BEFORE, sight({"kind": "Scale", "metadata": {"uid": "u1"}, "spec": {"replicas": 3}}, KEY))
SCALED = told(BEFORE, AFTER)


@pytest.mark.parametrize(
    ("conditions", "matches", "unknown"),
    [
        pytest.param([GREW], True, False, id="replicas"),
        pytest.param([GREW, NO_WEB], True, False, id="replicas, and an image that a Scale does not tell"),
        pytest.param([GREW, (NAMED, "EqualTo", "web:1")], True, False, id="an image by a filter"),
        pytest.param([GREW, ("spec", "EqualTo", "{}")], False, True, id="all of the spec as it was before"),
        pytest.param([("length(spec)", "Change", None)], False, True, id="a function of the spec as it was before"),
        pytest.param([("[spec.replicas]", "EqualTo", "[3]")], True, False, id="replicas among nothing else"),
    ],
)
def test_a_scale_says_nothing_of_what_replicas_are_part_of(
    conditions: list[tuple[str, Operator, str | None]], matches: bool, unknown: bool
) -> None:
    found = opinion(SCALED, *conditions)
    assert (matches, unknown) == (found.matches, found.unknown), found.reason


@pytest.mark.parametrize(
    ("tried", "condition", "reason"),
    [
        pytest.param(
            UNASKED,
            NO_WEB,
            'spec.containers[0].image is (sealed), so whether it does not equal "web:9" is unknown',
            id="compared",
        ),
        pytest.param(UNASKED, MOVED, "spec.containers[0].image is (sealed), it was (sealed) before", id="moved"),
        pytest.param(
            UNASKED,
            (CONTAINERS, "Change", None),
            f"{CONTAINERS} is (sealed), whether it changed is unknown",
            id="not known to have moved",
        ),
        pytest.param(
            OTHER,
            ALIKE,
            'spec.containers[0].image is "web:2", which equals "web:2" (as text), and it was "web:1" before',
            id="asked for",
        ),
    ],
)
def test_a_reason_says_what_is_sealed(tried: Change, condition: tuple[str, Operator, str | None], reason: str) -> None:
    assert reason == opinion(tried, condition).reason


@pytest.mark.parametrize("operator", ["EqualTo", "NotEqualTo"])
def test_the_value_of_a_secret_is_unknown_however_it_came(operator: Operator) -> None:
    metadata = {"name": "db", "namespace": "shop", "annotations": WATCHED}
    old, new = (
        sight({"kind": "Secret", "metadata": metadata, "data": {"a": value}}, KEY) for value in ("MQ==", "Mg==")
    )
    tried = change(old, new, changed(old, new), kind="Secret")
    found = opinion(tried, ("data.a", operator, "Mg=="))
    assert (False, True) == (found.matches, found.unknown)
    assert "data.a is (hidden), so whether it" in found.reason
