from typing import Any

import pytest

from shared.model.changes import Changed as Field
from shared.model.heartbeats import Asked
from shared.model.orders import Guard, Target
from shared.rules.digests import content, digest, side
from shared.rules.guards import Changed, Doubt, Gone, OtherUid, Proof, Proved, prove, refusal
from shared.rules.sealing import sealed
from shared.rules.sides import changed

KEY = b"k" * 32
IMAGE = "spec.template.spec.containers[0].image"


def deployment(image: str = "app:2", uid: str = "u1", generation: int = 2) -> dict[str, Any]:
    spec = {"replicas": 3, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}}
    return {"kind": "Deployment", "metadata": {"name": "web", "uid": uid, "generation": generation}, "spec": spec}


def secret(value: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "db", "uid": "u1"}, "data": {"password": value}}


def guard(*changed: Field, uid: str = "u1") -> Guard:
    return Guard(Target("Deployment", "shop", "web"), uid, changed)


TO_APP_2 = guard(Field(IMAGE, digest("app:2")))
REMOVED = guard(Field("spec.paused", digest(None)))


@pytest.mark.parametrize(
    ("obj", "guarded", "expected"),
    [
        pytest.param(deployment(), TO_APP_2, Proved(), id="value still there"),
        pytest.param(deployment(generation=9), TO_APP_2, Proved(), id="value still there at a later generation"),
        pytest.param(deployment(), REMOVED, Proved(), id="field still gone"),
        pytest.param(None, TO_APP_2, Gone(), id="no object"),
        pytest.param(deployment(uid="u2"), TO_APP_2, OtherUid("u2"), id="another object of that name"),
        pytest.param({"kind": "Deployment"}, TO_APP_2, OtherUid(""), id="an object without metadata"),
        pytest.param(
            deployment("app:1"),
            guard(Field("spec.replicas", digest(3)), Field(IMAGE, digest("app:2"))),
            Changed((IMAGE,), digest({"spec.replicas": digest(3), IMAGE: digest("app:1")})),
            id="one of two values is another",
        ),
    ],
)
def test_a_change_is_proved_by_the_values_that_stand_there(
    obj: dict[str, Any] | None, guarded: Guard, expected: Proof
) -> None:
    assert expected == prove(obj, guarded, KEY)


@pytest.mark.parametrize(
    ("former", "expected"),
    [
        pytest.param((KEY,), Proved, id="the former key is held"),
        pytest.param((b"x" * 32, KEY), Proved, id="one of them is"),
        pytest.param((b"x" * 32,), Changed, id="another one is"),
        pytest.param((), Changed, id="none is"),
    ],
)
def test_a_change_that_was_sealed_before_a_rotation_is_proved_by_the_former_key(
    former: tuple[bytes, ...], expected: type[Proof]
) -> None:
    hidden = sealed(side(deployment(), KEY), KEY, Asked()).content["spec"]["template"]["spec"]["containers"][0]["image"]
    guarded = guard(Field(IMAGE, digest(hidden)))
    assert isinstance(prove(deployment(), guarded, b"n" * 32, *former), expected)
    assert isinstance(prove(deployment("app:1"), guarded, b"n" * 32, *former), Changed)


def test_a_secret_is_proved_by_its_sealed_value() -> None:
    sealed = content(secret("aHVudGVyMg=="), KEY)["data"]["password"]
    guarded = guard(Field("data.password", digest(sealed)))
    assert Proved() == prove(secret("aHVudGVyMg=="), guarded, KEY)
    assert isinstance(prove(secret("b3RoZXI="), guarded, KEY), Changed)


def test_a_change_that_came_sealed_is_proved_by_the_same_seals() -> None:
    new = sealed(side(deployment("app:2"), KEY), KEY, Asked())
    guarded = guard(*changed(sealed(side(deployment("app:1"), KEY), KEY, Asked()), new))
    assert (IMAGE,) == tuple(one.path for one in guarded.changed)
    assert Proved() == prove(deployment("app:2", generation=9), guarded, KEY)
    assert isinstance(prove(deployment("app:3"), guarded, KEY), Changed)
    assert isinstance(prove(deployment("app:2"), guarded, b"f" * 32), Changed)


STILL_OLD = Changed((IMAGE,), "old")


@pytest.mark.parametrize(
    ("proof", "doubt", "expected"),
    [
        pytest.param(STILL_OLD, Doubt(59.9), None, id="not yet persisted"),
        pytest.param(STILL_OLD, Doubt(59.9, first="old"), None, id="not yet persisted, seen twice"),
        pytest.param(Gone(), Doubt(1.0), None, id="a created object that is not persisted yet"),
        pytest.param(
            STILL_OLD, Doubt(60.0, first="old"), f"never persisted: {IMAGE} still differs after 60 s", id="never came"
        ),
        pytest.param(Gone(), Doubt(60.0), "never persisted: there is no such workload after 60 s", id="never created"),
        pytest.param(
            STILL_OLD,
            Doubt(1.0, held=True),
            f"reverted: {IMAGE} no longer has the value that triggered",
            id="undone after it was proved",
        ),
        pytest.param(
            STILL_OLD,
            Doubt(59.9, first="older"),
            None,
            id="another's change meanwhile: a client that lost the race tries again",
        ),
        pytest.param(
            STILL_OLD,
            Doubt(60.0, first="older"),
            f"reverted: {IMAGE} no longer has the value that triggered",
            id="moved on to something else",
        ),
        pytest.param(Gone(), Doubt(1.0, held=True), "reverted: the workload was deleted", id="deleted after proof"),
        pytest.param(
            OtherUid("u2"),
            Doubt(0.0),
            "reverted: the workload was deleted, and its name belongs to another one now",
            id="another object of that name",
        ),
    ],
)
def test_a_failed_proof_waits_for_persistence_and_then_says_why(
    proof: Changed | Gone | OtherUid, doubt: Doubt, expected: str | None
) -> None:
    assert expected == refusal(proof, doubt)
