from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.rules.digests import NULL, digest
from shared.rules.paths import LIMIT, diff, value_at

KEYS = st.sampled_from(
    ["spec", "a", "b_1", "a.b", "litmuschaos.io/gitops", 'q"uote', "ü", "1", "", "back\\slash", "\n"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"spec": {"replicas": 2}}, {"spec": {"replicas": 5}}, ["spec.replicas"], id="a value"),
        pytest.param({}, {"a": {"b": 1}}, ["a"], id="a key that came"),
        pytest.param({"a": 1, "b": 2}, {"b": 2}, ["a"], id="a key that went"),
        pytest.param({"a": None}, {}, [], id="null is not there"),
        pytest.param({"l": [1, 2]}, {"l": [1, 3]}, ["l[1]"], id="an item of a list of one length"),
        pytest.param({"l": [1, 2]}, {"l": [1]}, ["l"], id="a list that grew shorter"),
        pytest.param({"l": [{"a": 1}]}, {"l": [{"a": 2}]}, ["l[0].a"], id="within an item"),
        pytest.param({"m": {"a.b/c": 1}}, {"m": {"a.b/c": 2}}, ['m."a.b/c"'], id="a key to be quoted"),
        pytest.param({"m": {'"': 1}}, {"m": {'"': 2}}, ['m."\\""'], id="a key with a quote"),
        pytest.param({"a.b": 1}, {"a.b": 2}, ['"a.b"'], id="a quoted key at the top"),
        pytest.param({"a": 1}, {"a": True}, ["a"], id="one is not true"),
        pytest.param({"a": 1}, {"a": 1.0}, [], id="one is one point zero"),
        pytest.param({"a": {}}, {"a": []}, ["a"], id="an object is no list"),
        pytest.param({"b": 1, "a": 1}, {"a": 2, "b": 2}, ["a", "b"], id="in order"),
        pytest.param([1], [2], ["[0]"], id="a list at the top"),
        pytest.param(1, {"a": 1}, ["@"], id="the whole"),
    ],
)
def test_what_differs_is_named_by_its_path(old: Any, new: Any, expected: list[str]) -> None:
    assert expected == [changed.path for changed in diff(old, new)]


def test_a_restart_is_named_as_a_policy_would_name_it() -> None:
    at = "kubectl.kubernetes.io/restartedAt"
    old = {"spec": {"template": {"metadata": {"annotations": {at: "10:00"}}}}}
    new = {"spec": {"template": {"metadata": {"annotations": {at: "11:00"}}}}}
    (changed,) = diff(old, new)
    assert changed.path == f'spec.template.metadata.annotations."{at}"'
    assert changed.digest == digest("11:00")


def test_a_field_that_is_gone_has_the_digest_of_null() -> None:
    assert [changed.digest for changed in diff({"a": 1}, {})] == [NULL]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param({"data": {f"k{n}": n for n in range(LIMIT)}}, LIMIT, id="as many as there may be"),
        pytest.param({"data": {f"k{n}": n for n in range(LIMIT + 1)}}, 1, id="one more"),
        pytest.param({"data": {"a": {f"k{n}": n for n in range(LIMIT)}, "b": 1}}, 2, id="only the deepest give way"),
        pytest.param({f"k{n}": n for n in range(LIMIT + 1)}, 1, id="at the top, the whole"),
    ],
)
def test_a_difference_in_many_fields_is_told_by_their_parents(new: dict[str, Any], expected: int) -> None:
    changed = diff(_emptied(new), new)
    assert expected == len(changed)
    assert all(digest(value_at(new, one.path)) == one.digest for one in changed)


def _emptied(value: Any) -> Any:
    return {key: _emptied(item) for key, item in value.items()} if isinstance(value, dict) else None


@given(JSON, JSON)
def test_every_path_leads_back_to_the_value_whose_digest_it_carries(old: Any, new: Any) -> None:
    assert all(digest(value_at(new, one.path)) == one.digest for one in diff(old, new))


@given(JSON, JSON)
def test_every_path_is_jmespath_for_the_same_value(old: Any, new: Any) -> None:
    for one in diff(old, new):
        assert value_at(new, one.path) == jmespath.search(one.path, new)
        assert value_at(old, one.path) == jmespath.search(one.path, old)


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert diff(value, value) == ()


@given(JSON, JSON)
def test_a_difference_is_seen_from_both_sides(old: Any, new: Any) -> None:
    assert [one.path for one in diff(old, new)] == [one.path for one in diff(new, old)]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("a.b", id="no such key"),
        pytest.param("l[7]", id="beyond the list"),
        pytest.param("l.a", id="a key of a list"),
        pytest.param("a[0]", id="an item of an object"),
        pytest.param("n.a", id="below a number"),
    ],
)
def test_where_there_is_nothing_the_value_is_none(path: str) -> None:
    assert value_at({"a": {}, "l": [1], "n": 1}, path) is None


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="empty"),
        pytest.param("a..b", id="two dots"),
        pytest.param("a[-1]", id="from the end"),
        pytest.param("a[*].b", id="a projection"),
        pytest.param("a || b", id="an expression"),
        pytest.param('"a', id="an open quote"),
        pytest.param('"\\x"', id="no JSON string"),
        pytest.param("a.", id="a dot at the end"),
        pytest.param("a-b", id="a key that needs quotes"),
    ],
)
def test_any_other_expression_is_refused_with_what_is_wrong(path: str) -> None:
    with pytest.raises(BadInput, match="no field path"):
        value_at({"a": [{"b": 1}]}, path)
