from __future__ import annotations

import json
from typing import Any, Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.policies import Operator
from shared.rules.comparing import Compared, compare, same
from shared.rules.quantities import quantity
from shared.rules.versions import version

COMPARING: Final = [operator for operator in get_args(Operator) if operator != "Change"]
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-[a-z0-9.]{1,5})?(Mi|m|%)?", fullmatch=True),
    st.from_regex(r"[a-z]{1,3}:[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True),
)
JSON: Final = st.recursive(
    SCALARS,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=3), below, max_size=3)),
    max_leaves=8,
)
DEEP: Final = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize(
    ("found", "operator", "value", "expected"),
    [
        pytest.param(3, "EqualTo", "3", Compared(holds=True, how="as numbers"), id="numbers"),
        pytest.param("1Gi", "LessThan", "2G", Compared(holds=True, how="as quantities"), id="quantities"),
        pytest.param("5%", "LessThan", "10%", Compared(holds=True, how="as percentages"), id="percentages"),
        pytest.param("v2", "GreaterThan", "v10", Compared(holds=False, how="as versions"), id="versions"),
        pytest.param("a:2", "GreaterThan", "a:10", Compared(holds=False, how="as image tags"), id="images"),
        pytest.param("a:2", "EqualTo", "a:2", Compared(holds=True, how="as text"), id="text"),
        pytest.param(True, "EqualTo", "true", Compared(holds=True, how="as booleans"), id="booleans"),
        pytest.param(None, "EqualTo", "", Compared(holds=False, how="nothing was found"), id="nothing"),
        pytest.param(3, "LessThan", "x", Compared(holds=False, how="a number beside text that is none"), id="mixed"),
        pytest.param([1, 2], "EqualTo", "[1, 2]", Compared(holds=True, how="as JSON"), id="a list as a whole"),
        pytest.param([1, 2], "EqualTo", "2", Compared(holds=True, how="any of 2 items"), id="an item"),
        pytest.param(
            {"a": 1},
            "LessThan",
            "2",
            Compared(holds=False, how="a mapping equals only JSON and has no order"),
            id="map",
        ),
    ],
)
def test_a_comparison_says_as_what(found: Any, operator: Operator, value: str, expected: Compared) -> None:
    assert expected == compare(found, operator, value)


@given(JSON, st.text(max_size=8) | SCALARS.map(str) | JSON.map(json.dumps), st.booleans())
def test_not_equal_to_is_the_opposite_of_equal_to(found: Any, value: str, versioned: bool) -> None:
    equal = compare(found, "EqualTo", value, versioned=versioned)

    assert compare(found, "NotEqualTo", value, versioned=versioned).holds is not equal.holds


@given(JSON, st.text(max_size=8) | SCALARS.map(str) | JSON.map(json.dumps), st.booleans())
def test_order_is_strict_and_never_both_ways(found: Any, value: str, versioned: bool) -> None:
    less, greater, at_most, at_least = (
        compare(found, operator, value, versioned=versioned).holds
        for operator in ("LessThan", "GreaterThan", "LessThanEqualTo", "GreaterThanEqualTo")
    )

    if not isinstance(found, list):
        assert not (less and greater)
    assert less <= at_most
    assert greater <= at_least


@given(st.integers(), st.integers())
def test_integers_are_ordered_as_integers_however_they_are_written(one: int, other: int) -> None:
    for found in (one, str(one)):
        assert (one < other) is compare(found, "LessThan", str(other)).holds
        assert (one == other) is compare(found, "EqualTo", str(other)).holds


@given(JSON)
def test_what_json_writes_equals_itself(found: Any) -> None:
    assert same(found, json.loads(json.dumps(found)))
    if isinstance(found, dict | list):
        assert compare(found, "EqualTo", json.dumps(found)).holds


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(1, 1.0, True, id="one number"),
        pytest.param(1, True, False, id="true is no number"),
        pytest.param(False, 0, False, id="false is no number"),
        pytest.param(True, True, True, id="true"),
        pytest.param("1", 1, False, id="text is no number"),
        pytest.param(None, None, True, id="nothing"),
        pytest.param([], {}, False, id="a list is no mapping"),
        pytest.param([1], [1, 2], False, id="a shorter list"),
        pytest.param({"a": 1}, {"b": 1}, False, id="other keys"),
        pytest.param({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, True, id="deep"),
        pytest.param({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, False, id="deep, but other"),
        pytest.param(DEEP, json.loads(json.dumps(DEEP)), True, id="far deeper than Python can recurse"),
    ],
)
def test_values_are_the_same_as_json(one: Any, other: Any, expected: bool) -> None:
    assert expected is same(one, other)


@pytest.mark.parametrize("operator", COMPARING)
@pytest.mark.parametrize(
    "value", ["[" * 100_000, "1e999", "9" * 5000, "9" * 100 + "." + "9" * 100, "1.1.1.1.1.1.1", "\ud800", "NaN"]
)
@pytest.mark.parametrize("found", [3, "x", DEEP, [[[1]]], {"a": DEEP}, 10**400])
def test_no_value_is_too_strange(found: Any, operator: Operator, value: str) -> None:
    assert compare(found, operator, value).holds in {True, False}


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("1.0.0-alpha", "1.0.0-alpha.1"),
        ("1.0.0-alpha.1", "1.0.0-alpha.beta"),
        ("1.0.0-alpha.beta", "1.0.0-beta"),
        ("1.0.0-beta", "1.0.0-beta.2"),
        ("1.0.0-beta.2", "1.0.0-beta.11"),
        ("1.0.0-beta.11", "1.0.0-rc.1"),
        ("1.0.0-rc.1", "1.0.0"),
        ("1.0.0", "1.0.1"),
        ("1.9.9", "1.10"),
        ("1.10", "2"),
        ("v1", "V2"),
        ("0", "0.0.1"),
    ],
)
def test_versions_have_the_order_of_semantic_versioning(lower: str, higher: str) -> None:
    one, other = version(lower), version(higher)

    assert one is not None
    assert other is not None
    assert one < other


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1m", "0.001"),
        ("1u", "0.000001"),
        ("1n", "1E-9"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("2Ei", "2305843009213693952"),
    ],
)
def test_quantities_are_what_their_suffix_says(text: str, expected: str) -> None:
    found = quantity(text)

    assert found == quantity(expected)
    assert found is not None
