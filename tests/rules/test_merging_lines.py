from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.rules.merging_lines import Lines, hunks, merge_lines

FEW = st.text("abc", max_size=9)


@pytest.mark.parametrize(
    ("base", "git", "portal", "expected"),
    [
        pytest.param("abc", "abc", "abc", "abc", id="nothing changed"),
        pytest.param("abc", "axc", "abc", "axc", id="git alone"),
        pytest.param("abc", "abc", "axc", "axc", id="the portal alone"),
        pytest.param("abc", "xbc", "aby", "xby", id="a line apart"),
        pytest.param("abc", "xc", "abcy", "xcy", id="of different lengths"),
        pytest.param("abcde", "abde", "abcdxye", "abdxye", id="a removal before an insertion"),
        pytest.param("abc", "axc", "axc", "axc", id="the same change"),
        pytest.param("abc", "abxc", "abxc", "abxc", id="the same insertion"),
        pytest.param("abc", "ac", "ac", "ac", id="the same removal"),
        pytest.param("", "x", "", "x", id="into nothing"),
        pytest.param("abcd", "xbcdy", "abzcd", "xbzcdy", id="around the other's"),
        pytest.param("abcdefg", "xycdefg", "abcdefz", "xycdefz", id="moved by what came before"),
    ],
)
def test_changes_that_lie_apart_go_together(base: str, git: str, portal: str, expected: str) -> None:
    assert Lines(list(expected), clean=True) == merge_lines(base, git, portal)


@pytest.mark.parametrize(
    ("base", "git", "portal", "expected"),
    [
        pytest.param("abc", "axc", "ayc", "axc", id="one line in two ways"),
        pytest.param("abc", "axc", "aby", "axc", id="neighbours"),
        pytest.param("abc", "abxc", "abyc", "abxc", id="two insertions at one place"),
        pytest.param("abc", "ac", "ayc", "ac", id="a removal against a change"),
        pytest.param("abc", "abxc", "aby", "abxc", id="an insertion before a change"),
        pytest.param("", "x", "y", "x", id="two beginnings"),
        pytest.param("abcdefg", "axcdefg", "aycdefz", "axcdefz", id="beside one that goes together"),
    ],
)
def test_changes_that_touch_are_a_conflict_and_leave_git_s_lines(
    base: str, git: str, portal: str, expected: str
) -> None:
    assert Lines(list(expected), clean=False) == merge_lines(base, git, portal)


@given(FEW, FEW)
def test_hunks_lead_from_one_text_to_the_other_on_a_shortest_way(base: str, side: str) -> None:
    found = hunks(base, side)
    assert found is not None
    rebuilt, kept, done = "", 0, 0
    for hunk in found:
        rebuilt += base[done : hunk.start] + side[hunk.first : hunk.last]
        kept, done = kept + hunk.start - done, hunk.end
    assert side == rebuilt + base[done:]
    assert longest(base, side) == kept + len(base) - done


@cache
def longest(one: str, other: str) -> int:
    """Return the length of a longest common subsequence, by its definition."""
    if not one or not other:
        return 0
    if one[0] == other[0]:
        return 1 + longest(one[1:], other[1:])
    return max(longest(one[1:], other), longest(one, other[1:]))


@given(FEW, FEW, FEW)
def test_a_merge_does_not_depend_on_who_is_who(base: str, git: str, portal: str) -> None:
    one, other = merge_lines(base, git, portal), merge_lines(base, portal, git)
    assert one is not None
    assert other is not None
    assert one.clean == other.clean
    assert not one.clean or one == other


@given(FEW, FEW)
def test_what_one_side_changed_is_that_side_s(base: str, side: str) -> None:
    assert Lines(list(side), clean=True) == merge_lines(base, side, base)
    assert Lines(list(side), clean=True) == merge_lines(base, base, side)
    assert Lines(list(side), clean=True) == merge_lines(base, side, side)


@st.composite
def changed(draw: st.DrawFn, sign: str) -> list[str]:
    """Return lines 0 to 11, some of them gone, with lines between them that nobody else has."""
    lines: list[str] = []
    for number in range(12):
        fate = draw(st.sampled_from(["stays"] * 6 + ["goes", "more", "other"]))
        lines += [f"{sign}{number}"] * (fate in {"more", "other"})
        lines += [str(number)] * (fate in {"stays", "more"})
    return lines


@settings(max_examples=60)
@given(changed("g"), changed("p"))
def test_git_merges_the_same_lines_and_sees_the_same_conflicts(git: list[str], portal: list[str]) -> None:
    base = [str(number) for number in range(12)]
    text, clean = merge_file(*("".join(f"{line}\n" for line in lines) for lines in (base, git, portal)))
    merged = merge_lines(base, git, portal)
    assert merged is not None
    assert clean == merged.clean
    assert not clean or text.splitlines() == merged.lines


def merge_file(base: str, git: str, portal: str) -> tuple[str, bool]:
    """Return what git makes of it, and whether without a conflict."""
    with TemporaryDirectory() as folder:
        for name, text in (("base", base), ("git", git), ("portal", portal)):
            (Path(folder) / name).write_text(text)
        done = subprocess.run(
            ["git", "merge-file", "-p", "git", "base", "portal"],
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
        )
    return done.stdout, done.returncode == 0


@pytest.mark.parametrize(
    ("base", "side"),
    [
        pytest.param(["a"] * 100_000, ["b"] * 100_000, id="nothing in common"),
        pytest.param(["a", "b"] * 50_000, ["b", "a"] * 10 + ["c"] + ["a"] * 90_000, id="much in common, out of step"),
    ],
)
def test_texts_too_different_to_be_aligned_are_given_up(base: list[str], side: list[str]) -> None:
    assert merge_lines(base, side, base) is None
    assert merge_lines(base, base, side) is None


def test_long_texts_with_few_changes_are_aligned() -> None:
    base = [""] * 100_000
    merged = merge_lines(base, ["x", *base], [*base, "y"])
    assert Lines(["x", *base, "y"], clean=True) == merged
