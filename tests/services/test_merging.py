from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.rules.merging import merge_values
from shared.services.merging import Merged, merge
from shared.wire.spans import Page, read_page
from tests.services.manuscripts import Writer, rendered, words

SEEDS = st.integers(0, 2**32)


class Story:
    """A manifest, and what git and the portal made of it, all from one seed."""

    def __init__(self, seed: int, most: int = 3) -> None:
        random = Random(seed)  # noqa: S311 - a story, no secret
        newline, closed = random.choice(("\n", "\n", "\r\n")), random.random() < 0.8
        old = Writer(random, "b").fields(3)
        sides = [Writer(random, sign).edited(old, random.randint(1, most)) for sign in "gp"]
        self.base, self.git, self.portal = (rendered(one, newline, closed=closed) for one in (old, *sides))

    @property
    def sides(self) -> tuple[bytes, bytes, bytes]:
        return self.base, self.git, self.portal


def values(text: bytes) -> Any:
    read = read_page(text)
    assert isinstance(read, Page), (read, text)
    return read.values


@settings(max_examples=300)
@given(SEEDS)
def test_no_edit_is_lost_and_none_made_up(seed: int) -> None:
    base, git, portal = Story(seed).sides
    text = merge(base, git, portal).text
    if text is not None:
        was, ours, theirs = words(base), words(git), words(portal)
        assert (ours & theirs) | (ours - was) | (theirs - was) == words(text)


@settings(max_examples=200)
@given(SEEDS)
def test_lines_that_nobody_touched_stay_byte_for_byte(seed: int) -> None:
    base, git, portal = Story(seed).sides
    text = merge(base, git, portal).text
    if text is not None:
        untouched = lines(base) & lines(git) & lines(portal)
        assert untouched <= lines(text)


def lines(text: bytes) -> Counter[bytes]:
    """Return how often each line stands there that says something."""
    return Counter(line.removesuffix(b"\r") for line in text.split(b"\n") if words(line))


@settings(max_examples=200)
@given(SEEDS)
def test_a_merge_holds_the_merge_of_the_values_and_a_conflict_names_what_both_changed(seed: int) -> None:
    base, git, portal = Story(seed, most=6).sides
    merged, wanted = merge(base, git, portal), merge_values(values(base), values(git), values(portal))
    if merged.text is not None:
        assert wanted.value == values(merged.text)
    elif "differently" in str(merged.conflict):
        assert len(wanted.conflicts) == len(merged.paths)
        assert all(path in str(merged.conflict) for path in merged.paths)


@settings(max_examples=100)
@given(SEEDS)
def test_what_one_side_changed_is_that_side_s_byte_for_byte(seed: int) -> None:
    base, side, _ = Story(seed).sides
    assert Merged(side) == merge(base, side, base)
    assert Merged(side) == merge(base, base, side)
    assert Merged(side) == merge(base, side, side)


@settings(max_examples=100)
@given(SEEDS)
def test_who_is_git_changes_neither_what_survives_nor_which_values_conflict(seed: int) -> None:
    base, git, portal = Story(seed).sides
    one, other = merge(base, git, portal), merge(base, portal, git)
    if one.text is not None and other.text is not None:
        assert words(one.text) == words(other.text)
    assert ("differently" in str(one.conflict)) == ("differently" in str(other.conflict))


@settings(max_examples=60)
@given(SEEDS)
def test_what_git_merges_to_the_right_values_is_merged_here_too(seed: int) -> None:
    base, git, portal = Story(seed).sides
    text = merge_file(base, git, portal)
    wanted = merge_values(values(base), values(git), values(portal))
    if text is not None and isinstance(read := read_page(text), Page) and read.values == wanted.value:
        ours = merge(base, git, portal).text
        assert ours is not None
        assert words(text) == words(ours)


def merge_file(base: bytes, git: bytes, portal: bytes) -> bytes | None:
    """Return what git makes of it, None if that has conflicts."""
    with TemporaryDirectory() as folder:
        for name, text in (("base", base), ("git", git), ("portal", portal)):
            (Path(folder) / name).write_bytes(text)
        done = subprocess.run(
            ["git", "merge-file", "-p", "git", "base", "portal"], cwd=folder, capture_output=True, check=False
        )
    return done.stdout if done.returncode == 0 else None


ENGINE = b"""\
# the cart's chaos
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  name: cart
  labels:
    team: shop
    weight: 1.10
spec:
  engineState: active  # on
  appinfo: {appns: shop, applabel: app=cart}
  experiments:
    - name: pod-delete
"""


def edited(*changes: tuple[bytes, bytes], text: bytes = ENGINE) -> bytes:
    """Return a text with each first occurrence replaced."""
    for was, becomes in changes:
        assert was in text
        text = text.replace(was, becomes, 1)
    return text


TEAM, WEIGHT = (b"team: shop", b"team: cart"), (b"1.10", b"1.20")
STOP = (b"active", b"stop")
NETWORK, MEMORY = ((b"pod-delete\n", b"pod-delete\n    - name: " + name + b"\n") for name in (b"net", b"mem"))


@pytest.mark.parametrize(
    ("git", "portal", "expected"),
    [
        pytest.param([TEAM], [STOP], [TEAM, STOP], id="lines apart"),
        pytest.param([TEAM], [WEIGHT], [TEAM, WEIGHT], id="neighbouring fields"),
        pytest.param(
            [(b"appns: shop", b"appns: web")],
            [(b"app=cart", b"app=web")],
            [(b"appns: shop", b"appns: web"), (b"app=cart", b"app=web")],
            id="fields in one line",
        ),
        pytest.param(
            [NETWORK], [MEMORY], [(b"pod-delete\n", b"pod-delete\n    - name: net\n    - name: mem\n")], id="items"
        ),
        pytest.param([(b"# on", b"# off")], [STOP], [(b"active  # on", b"stop  # off")], id="a value and its remark"),
        pytest.param([STOP], [(b"  # on", b"")], [(b"active  # on", b"stop")], id="a value, and its remark goes"),
        pytest.param([(b"active", b"'active'")], [STOP], [STOP], id="quotes that are lost with the value"),
        pytest.param([(b"    weight: 1.10\n", b"")], [TEAM], [(b"    weight: 1.10\n", b""), TEAM], id="a line goes"),
    ],
)
def test_changes_beside_each_other_go_together(
    git: list[tuple[bytes, bytes]], portal: list[tuple[bytes, bytes]], expected: list[tuple[bytes, bytes]]
) -> None:
    assert Merged(edited(*expected)) == merge(ENGINE, edited(*git), edited(*portal))


def test_line_ends_of_one_side_stay_and_the_other_s_edit_comes_along() -> None:
    windows = ENGINE.replace(b"\n", b"\r\n")
    assert Merged(edited(STOP, text=windows)) == merge(ENGINE, windows, edited(STOP))
    assert Merged(edited(NETWORK, STOP)) == merge(ENGINE, edited(STOP), edited(NETWORK).replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("git", "portal", "paths"),
    [
        pytest.param([STOP], [(b"active", b"idle")], ["spec.engineState"], id="one field"),
        pytest.param([WEIGHT], [(b"1.10", b"1.1")], ["metadata.labels.weight"], id="one number, written anew"),
        pytest.param([TEAM], [(b"    team: shop\n", b"")], ["metadata.labels.team"], id="a removal"),
        pytest.param(
            [(b"e: pod-delete\n", b"e: pod-delete\n    - {name: net, x: 1}\n")],
            [(b"pod-delete", b"net\n      x: 2")],
            ["spec.experiments[1].x"],
            id="an item twice",
        ),
        pytest.param(
            [STOP, TEAM],
            [(b"active", b"idle"), (b"shop", b"web")],
            ["metadata.labels.team", "spec.engineState"],
            id="two",
        ),
    ],
)
def test_fields_that_both_changed_differently_are_named(
    git: list[tuple[bytes, bytes]], portal: list[tuple[bytes, bytes]], paths: list[str]
) -> None:
    words = " and ".join(paths)
    expected = Merged(None, f"git and the portal changed {words} differently: settle by hand", tuple(paths))
    assert expected == merge(ENGINE, edited(*git), edited(*portal))


@pytest.mark.parametrize(
    ("git", "portal", "path"),
    [
        pytest.param([(b"# on", b"# off")], [(b"# on", b"# up")], "spec.engineState", id="one remark in two ways"),
        pytest.param(
            [(b"    team: shop\n", b"")],
            [(b"team: shop", b"team: shop # us")],
            "metadata.labels.team",
            id="on what goes",
        ),
        pytest.param(
            [(b"    team: shop\n", b"")], [(b"    weight: 1.10\n", b"")], "metadata.labels", id="nothing left"
        ),
        pytest.param(
            [(b"{appns", b"&a {appns"), (b"pod-delete", b"pod-delete\n      at: *a")],
            [(b"app=cart", b"app=web"), (b"appns: shop", b"appns: web")],
            "spec.appinfo",
            id="what an alias repeats",
        ),
    ],
)
def test_what_cannot_be_written_into_one_text_is_named(
    git: list[tuple[bytes, bytes]], portal: list[tuple[bytes, bytes]], path: str
) -> None:
    merged = merge(ENGINE, edited(*git), edited(*portal))
    assert merged.text is None
    assert "cannot be parted" in str(merged.conflict)
    assert any(one.startswith(path) for one in merged.paths)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param((b"a: [", ENGINE, edited(STOP)), "the common base cannot be read (line 2: ", id="base"),
        pytest.param((ENGINE, b"a: 1\n\tb: 2", edited(STOP)), "git's side cannot be read (line 2: ", id="git"),
        pytest.param((ENGINE, edited(STOP), b""), "the portal's side cannot be read (line 1: ", id="portal"),
    ],
)
def test_a_side_that_cannot_be_read_is_left_to_a_person(texts: tuple[bytes, bytes, bytes], found: str) -> None:
    merged = merge(*texts)
    assert merged.text is None
    assert found in str(merged.conflict)


def test_a_side_that_cannot_be_read_wins_where_the_other_changed_nothing() -> None:
    assert Merged(b"a: [") == merge(ENGINE, b"a: [", ENGINE) == merge(ENGINE, ENGINE, b"a: [")


def test_texts_too_different_in_lines_are_merged_by_their_fields() -> None:
    many = ENGINE + b"".join(b"    - name: n%d\n" % number for number in range(6_000))
    windows = many.replace(b"\n", b"\r\n")
    assert Merged(edited(STOP, text=windows)) == merge(many, windows, edited(STOP, text=many))
