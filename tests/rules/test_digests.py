from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.rules.digests import LAST_APPLIED, NULL, canonical, content, counted, digest, sealing_key, side

KEY = b"a key of this cluster"
EXACT = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}', id="keys are sorted"),
        pytest.param({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode(), id="by UTF-16"),
        pytest.param([1.0, 1e21, 1e-7, -0.0], b"[1,1e+21,1e-7,0]", id="numbers as ECMAScript writes them"),
        pytest.param([2**53 - 1, -(2**53) + 1], b"[9007199254740991,-9007199254740991]", id="exact integers"),
        pytest.param({"a": [2**53, -(2**53) - 1]}, b'{"a":["9007199254740992n","-9007199254740993n"]}', id="larger"),
        pytest.param({"a": 2**64, "b": True, "c": 1.5}, b'{"a":"18446744073709551616n","b":true,"c":1.5}', id="mixed"),
        pytest.param('é"\n\u0001', '"é\\"\\n\\u0001"'.encode(), id="strings"),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(value: Any, expected: bytes) -> None:
    assert expected == canonical(value)


def test_a_digest_is_the_sha256_of_canonical_json() -> None:
    assert digest(None) == NULL == "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def rfc_8785(value: Any) -> bytes:
    return rfc8785.dumps(value)


@given(
    st.recursive(
        st.none() | st.booleans() | EXACT | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
        max_leaves=12,
    )
)
def test_the_short_way_writes_what_the_long_way_writes(value: Any) -> None:
    assert rfc_8785(value) == canonical(value)


@given(st.integers(10**14, 10**19) | st.integers(-(10**19), -(10**14)))
def test_no_long_integer_takes_the_short_way(value: int) -> None:
    exact = abs(value) < 2**53
    assert canonical([value]) == (f"[{value}]" if exact else f'["{value}n"]').encode()


@given(EXACT | st.text())
def test_exact_scalars_are_written_as_python_writes_them(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(JSON)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    assert digest(value) == digest(_reversed(value))


@given(st.integers(), st.integers())
def test_only_equal_integers_have_equal_digests(one: int, other: int) -> None:
    assert (one == other) == (digest(one) == digest(other))


def _reversed(value: Any) -> Any:
    match value:
        case dict():
            return {key: _reversed(item) for key, item in reversed(value.items())}
        case list():
            return [_reversed(item) for item in value]
        case _:
            return value


def deployment(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "uid": "u-1", "generation": 3, **metadata},
        "spec": {"replicas": 2},
        "status": {"replicas": 1},
    }


def secret(**data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "keys", "uid": "u-2"}, "data": data, "type": "Opaque"}


def test_only_what_is_outside_metadata_and_status_counts() -> None:
    assert counted(deployment()) == {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}}
    assert side(deployment(), KEY).digest == digest(counted(deployment()))
    assert side(deployment(), KEY).digest == side(deployment(labels={"a": "b"}, generation=4), KEY).digest


def test_what_is_kept_has_no_status_no_managed_fields_and_no_second_copy_of_itself() -> None:
    annotations = {"note": "hello", LAST_APPLIED: "{}"}
    kept = content(deployment(managedFields=[{"manager": "kubectl"}], annotations=annotations), KEY)
    assert kept == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "uid": "u-1", "generation": 3, "annotations": {"note": "hello"}},
        "spec": {"replicas": 2},
    }


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param({"kind": "Deployment"}, id="no metadata"),
        pytest.param({"kind": "Deployment", "metadata": None}, id="metadata is null"),
        pytest.param({"kind": "Secret", "metadata": {"annotations": None}, "data": None}, id="nulls inside"),
    ],
)
def test_an_object_without_the_usual_parts_is_kept_as_it_is(obj: dict[str, Any]) -> None:
    assert content(obj, KEY) == obj
    assert side(obj, KEY).uid == ""


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        pytest.param(3, 3, id="a number"),
        pytest.param(None, None, id="none"),
        pytest.param(0, None, id="zero is none"),
        pytest.param(True, None, id="no number"),
    ],
)
def test_a_side_knows_uid_and_generation(generation: Any, expected: int | None) -> None:
    seen = side(deployment(generation=generation), KEY)
    assert ("u-1", expected, False) == (seen.uid, seen.generation, seen.partial)


def test_a_scale_is_partial() -> None:
    assert side({"kind": "Scale", "metadata": {"uid": "u-1"}, "spec": {"replicas": 5}}, KEY).partial


def test_a_secret_keeps_which_values_it_has_and_never_what_they_are() -> None:
    kept = side(secret(user="YWRtaW4=", password="aHVudGVyMg=="), KEY)
    assert "aHVudGVyMg" not in str(kept)
    assert sorted(kept.content["data"]) == ["password", "user"]
    assert kept.content["type"] == "Opaque"


def test_a_secrets_digest_moves_with_its_values_and_is_nothing_without_the_key() -> None:
    one, two = side(secret(a="MQ=="), KEY), side(secret(a="Mg=="), KEY)
    assert one.content["data"] != two.content["data"]
    assert one.digest != two.digest
    assert one.digest == side(secret(a="MQ=="), KEY).digest
    assert one.digest != side(secret(a="MQ=="), b"another key").digest
    assert one.digest != digest(counted(secret(a="MQ==")))


def test_the_sealing_key_is_derived_and_is_not_the_subscribers_own() -> None:
    expected = "b5de98c760319cf5c97732106f93272392444c5828bba56716df9c405526035e"
    assert expected == sealing_key(bytes(32)).hex()
