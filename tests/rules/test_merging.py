from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.model.merging import Add, Change, Drop, Path, Take
from shared.rules.merging import KEYS, Merge, merge_values


def named(*names: str, **values: Any) -> list[dict[str, Any]]:
    """Return items by name, with a value where one is given."""
    return [{"name": name, **({"v": values[name]} if name in values else {})} for name in names]


A, B, C = ({"name": name} for name in "abc")


@pytest.mark.parametrize(
    ("base", "git", "portal", "expected"),
    [
        pytest.param("x", "x", "x", "x", id="nothing changed"),
        pytest.param("x", "y", "x", "y", id="git changed a scalar"),
        pytest.param("x", "x", "y", "y", id="the portal changed a scalar"),
        pytest.param("x", "y", "y", "y", id="both the same"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, {"a": 1, "c": 3}, {"a": 1, "b": 2, "c": 3}, id="a key from each"),
        pytest.param({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}, id="a change from each"),
        pytest.param({"a": 1, "b": 1}, {"a": 1}, {"b": 1}, {}, id="a removal from each"),
        pytest.param({"a": 1}, {}, {}, {}, id="the same removal"),
        pytest.param({"a": 1, "b": 1}, {"b": 1}, {"a": 1, "b": 2}, {"b": 2}, id="a removal and a change elsewhere"),
        pytest.param({}, {"l": {"a": 1}}, {"l": {"b": 2}}, {"l": {"a": 1, "b": 2}}, id="one mapping added by both"),
        pytest.param({}, {"l": [A]}, {"l": [B]}, {"l": [A, B]}, id="one list added by both"),
        pytest.param({"l": None}, {"l": None}, {"l": {"a": 1}}, {"l": {"a": 1}}, id="a mapping where nothing was"),
        pytest.param({"l": {}}, {"l": {"b": 1}}, {"l": {"a": 1}}, {"l": {"b": 1, "a": 1}}, id="an empty one filled"),
        pytest.param({"a": None}, {"a": None}, {}, {}, id="an empty field removed"),
        pytest.param([A], [A, B], [A, C], [A, B, C], id="an item from each, git's first"),
        pytest.param([A], [B, A], [C, A], [B, C, A], id="an item from each in front"),
        pytest.param([A, B], [A, B, C], [B], [B, C], id="an item more and one less"),
        pytest.param([A, B], [B, A], [A, B, C], [B, C, A], id="git's order, and an item behind its neighbour"),
        pytest.param([A, B], [A, C, B], [B, A], [B, A, C], id="the portal's order, and git's item"),
        pytest.param([A, B, C], [C, B, A], [C, B, A], [C, B, A], id="the same order"),
        pytest.param(
            named("a", "b", a=1, b=1),
            named("a", "b", a=2, b=1),
            named("a", "b", a=1, b=2),
            named("a", "b", a=2, b=2),
            id="items changed by each",
        ),
        pytest.param(
            [[A], [B]], [[A | {"v": 1}], [B]], [[A], [B, C]], [[A | {"v": 1}], [B, C]], id="groups as Argo's steps"
        ),
        pytest.param(["x", "y"], ["x", "y"], ["x", "z"], ["x", "z"], id="a list without names, as a whole"),
        pytest.param(
            [{"containerPort": 80}],
            [{"containerPort": 80, "p": "a"}],
            [{"containerPort": 80}, {"containerPort": 81}],
            [{"containerPort": 80, "p": "a"}, {"containerPort": 81}],
            id="ports by their number",
        ),
        pytest.param(
            [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}],
            [{"name": "v", "mountPath": "/a", "ro": 1}, {"name": "v", "mountPath": "/b"}],
            [{"name": "v", "mountPath": "/a"}, {"name": "w", "mountPath": "/b"}],
            [{"name": "v", "mountPath": "/a", "ro": 1}, {"name": "w", "mountPath": "/b"}],
            id="mounts of one volume by their paths",
        ),
    ],
)
def test_what_does_not_overlap_is_merged(base: Any, git: Any, portal: Any, expected: Any) -> None:
    merged = merge_values(base, git, portal)
    assert () == merged.conflicts
    assert expected == merged.value
    assert sorted_lists(expected) == sorted_lists(merge_values(base, portal, git).value)


@pytest.mark.parametrize(
    ("base", "git", "portal", "expected"),
    [
        pytest.param("x", "y", "z", (), id="the whole"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 3}, ("a",), id="a field"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 3}}, ("a", "b"), id="a field within"),
        pytest.param({}, {"a": 2}, {"a": 3}, ("a",), id="a field added by both"),
        pytest.param({"a": 1}, {}, {"a": 3}, ("a",), id="removed in git, changed in the portal"),
        pytest.param({"a": 1}, {"a": 2}, {}, ("a",), id="changed in git, removed in the portal"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": ["b"]}, ("a",), id="into different kinds"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"c": 1}}, ("a",), id="mappings where a scalar was"),
        pytest.param({"a": {"b": 1}}, {"a": "x"}, {"a": {"b": 2}}, ("a",), id="a scalar where a mapping was"),
        pytest.param([A], [A | {"v": 1}], [A | {"v": 2}], (0, "v"), id="a field of an item"),
        pytest.param([B, A], [C, A], [B | {"v": 2}, A], (0,), id="an item removed in git, changed in the portal"),
        pytest.param([A, B], [A, B | {"v": 1}], [A], (1,), id="an item changed in git, removed in the portal"),
        pytest.param([A, B, C], [B, A, C], [A, C, B], (), id="two orders"),
        pytest.param(["x", "y"], ["x", "z"], ["w", "y"], (), id="a list of scalars"),
        pytest.param([["x"], ["y"]], [["x"], ["z"]], [["w"], ["y"]], (), id="groups of scalars"),
        pytest.param([{}, A], [{"v": 1}, A], [{}, A, B], (), id="an item without a name"),
        pytest.param([A, A], [A, A, B], [A, A, C], (), id="a name twice"),
        pytest.param([[], [A]], [[], [A], [B]], [[], [A, B]], (), id="an empty group"),
        pytest.param([{"name": {}}], [{"name": {"v": 1}}], [{"name": {}}, A], (), id="a name that is no scalar"),
        pytest.param(
            {"a": {"b": 1}}, {"a": {}}, {"a": {"b": 2}}, ("a", "b"), id="emptied in git, changed in the portal"
        ),
    ],
)
def test_what_both_changed_differently_is_named(base: Any, git: Any, portal: Any, expected: Path) -> None:
    assert (expected,) == merge_values(base, git, portal).conflicts
    assert 1 == len(merge_values(base, portal, git).conflicts)


def test_an_index_is_git_s_where_git_has_the_item() -> None:
    base, git, portal = named("a", a=1), named("n", "a", a=2), named("m", "o", "a", a=3)
    assert ((1, "v"),) == merge_values(base, git, portal).conflicts
    assert ((2,),) == merge_values(base, named("n"), portal).conflicts


def test_all_conflicts_are_named_and_the_rest_is_merged() -> None:
    base, git, portal = {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 1}, {"a": 3, "b": 3, "c": 2}
    assert Merge({"a": 2, "b": 2, "c": 2}, (Take(("c",), ("c",)),), (("a",), ("b",))) == merge_values(base, git, portal)


@pytest.mark.parametrize(
    ("base", "git", "portal", "expected"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1}}, {"a": {"b": 2}}, [Take(("a", "b"), ("a", "b"))], id="a field"),
        pytest.param(named("a", a=1), named("b", "a", a=1), named("a", a=2), [Take((1, "v"), (0, "v"))], id="an item"),
        pytest.param({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"b": 1}, [Drop(("a",))], id="a removal"),
        pytest.param({}, {"a": 1}, {"b": 1, "c": 1}, [Add((), "a", ("b",)), Add((), "a", ("c",))], id="two more"),
        pytest.param([A], [A, B], [C, A], [Add((), None, (0,))], id="an item in front"),
        pytest.param(
            [A, B], [A, B], [C], [Add((), None, (0,)), Drop((0,)), Drop((1,))], id="behind nothing that stays"
        ),
        pytest.param({"a": {}}, {"a": {}}, {"a": {"b": 1}}, [Take(("a",), ("a",))], id="an empty one is replaced"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1}}, {"a": {}}, [Take(("a",), ("a",))], id="emptying replaces"),
    ],
)
def test_changes_are_as_small_as_they_can_be(base: Any, git: Any, portal: Any, expected: list[Change]) -> None:
    assert expected == list(merge_values(base, git, portal).changes)


LEAVES = st.sampled_from("uvw")
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
        | st.lists(
            st.builds(lambda name, value: {"name": name, "v": value}, st.sampled_from("klmn"), inner),
            max_size=4,
            unique_by=lambda item: item["name"],
        )
        | st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)


def sorted_lists(value: Any) -> Any:
    """Return a value without the order of its lists of named things, or of groups of them."""
    if isinstance(value, dict):
        return {key: sorted_lists(child) for key, child in value.items()}
    if not isinstance(value, list):
        return value
    items = [sorted_lists(child) for child in value]
    return sorted(items, key=repr) if all(has_name(item) for item in items) else items


def has_name(item: Any) -> bool:
    if isinstance(item, list):
        return all(has_name(one) for one in item)
    return isinstance(item, dict) and not item.keys().isdisjoint(KEYS)


@given(VALUES, VALUES)
def test_what_one_side_changed_is_that_side_s(base: Any, side: Any) -> None:
    assert Merge(side, (), ()) == merge_values(base, side, base)
    assert Merge(side, (), ()) == merge_values(base, side, side)
    merged = merge_values(base, base, side)
    assert (side, ()) == (merged.value, merged.conflicts)


@given(VALUES, VALUES, VALUES)
@example([], [{"name": "k"}], [[{"name": "k"}]])
def test_both_see_the_same_conflicts(base: Any, git: Any, portal: Any) -> None:
    one, other = merge_values(base, git, portal), merge_values(base, portal, git)
    assert len(one.conflicts) == len(other.conflicts)
    assert one.conflicts or sorted_lists(one.value) == sorted_lists(other.value)


@given(VALUES, VALUES, VALUES)
def test_the_changes_make_the_merge_out_of_git_s_value(base: Any, git: Any, portal: Any) -> None:
    merged = merge_values(base, git, portal)
    assert sorted_lists(merged.value) == sorted_lists(changed(git, portal, merged.changes))


@given(VALUES, VALUES, VALUES)
def test_merging_again_changes_nothing(base: Any, git: Any, portal: Any) -> None:
    merged = merge_values(base, git, portal)
    again = merge_values(base, merged.value, portal)
    assert merged.conflicts or sorted_lists(merged.value) == sorted_lists(again.value)
    assert merged.conflicts or not again.conflicts


def changed(git: Any, portal: Any, changes: tuple[Change, ...]) -> Any:
    """Return git's value with the changes made, from the back so that indexes stay true."""
    top = {"": deepcopy(git)}
    for change in changes:
        if isinstance(change, Take):
            at(top, change.path[:-1] if change.path else None)[change.path[-1] if change.path else ""] = at(
                {"": portal}, change.source
            )
    added = [change for change in changes if isinstance(change, Add)]
    holders = [at(top, change.path) for change in added]
    dropped = sorted((change.path for change in changes if isinstance(change, Drop)), key=lambda path: str(path[-1]))
    for path in reversed(dropped):
        del at(top, path[:-1])[path[-1]]
    for change, holder in zip(added, holders, strict=True):
        value = at({"": portal}, change.source)
        if isinstance(holder, list):
            holder.append(value)
        else:
            holder[change.source[-1]] = value
    return top[""]


def at(top: Any, path: Path | None) -> Any:
    for step in () if path is None else ("", *path):
        top = top[step]
    return top


def test_long_lists_are_merged_soon() -> None:
    base = named(*(f"n{number}" for number in range(20_000)))
    merged = merge_values(base, [{"name": "g"}, *base], [*base, {"name": "p"}])
    assert [{"name": "g"}, *base, {"name": "p"}] == merged.value
