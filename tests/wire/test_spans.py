from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.model.experiments import Problem
from shared.model.merging import Path
from shared.wire.documents import Written
from shared.wire.spans import Page, read_page
from tests.wire.yaml_texts import BOTH

TEXT = """\
# top
a: &x {b: 'c # d', e: [1, !!str 2]} # behind
"f": |  # head
  # text
  more

g:
- h: "#"
  i: >-

    z
# last of g

-
- *x
"""


def page(text: str, loader: Any) -> Page:
    read = read_page(text.encode(), loader)
    assert isinstance(read, Page), read
    return read


@BOTH
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(("a",), "a: &x {b: 'c # d', e: [1, !!str 2]}", id="a field with an anchor"),
        pytest.param(("a", "b"), "b: 'c # d'", id="a field within brackets"),
        pytest.param(("a", "e", 1), "!!str 2", id="an item within brackets, with its tag"),
        pytest.param(("f",), '"f": |  # head\n  # text\n  more', id="a block, without the empty line behind it"),
        pytest.param(("g", 0), '- h: "#"\n  i: >-\n\n    z', id="an item, without the comment behind it"),
        pytest.param(("g", 0, "i"), "i: >-\n\n    z", id="a field of an item"),
        pytest.param(("g", 1), "-", id="an empty item"),
        pytest.param(("g", 2), "- *x", id="an alias"),
    ],
)
def test_each_entry_has_its_text(path: Path, expected: str, loader: Any) -> None:
    read = page(TEXT, loader)
    holder = read.span(path[:-1])
    assert holder is not None
    entry = holder.entries[path[-1]]
    assert expected == read.text[entry.start : entry.end]


@BOTH
def test_comments_are_told_from_text(loader: Any) -> None:
    assert Counter(["# top", "# behind", "# head", "# last of g"]) == page(TEXT, loader).remarks


@BOTH
def test_comments_of_empty_pages_count(loader: Any) -> None:
    read = page("# one\n---\n# two \n---\na: 1\n...\n# three", loader)
    assert Counter(["# one", "# two", "# three"]) == read.remarks
    assert {"a": Written("1")} == read.values


@BOTH
@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        pytest.param("# top", (), id="above all"),
        pytest.param("# behind", ("a", "e", 1), id="behind brackets"),
        pytest.param("# head", ("f",), id="in a block's first line"),
        pytest.param("# last of g", ("g", 0, "i"), id="below an item"),
    ],
)
def test_a_comment_belongs_to_what_begins_before_it(comment: str, expected: Path, loader: Any) -> None:
    read = page(TEXT, loader)
    assert expected == next(read.nearest(at) for at, one in read.comments.items() if one == comment)


@BOTH
def test_values_tell_apart_what_is_written_apart(loader: Any) -> None:
    read = page("a: 1.10\nb: '1'\nc: true\nd: ~\ne: {0x1: [no]}\n", loader)
    assert {"a": Written("1.10"), "b": "1", "c": Written("true"), "d": None, "e": {"0x1": ["no"]}} == read.values
    assert Written("7") == page("7", loader).values


@BOTH
def test_a_broken_file_is_a_problem(loader: Any) -> None:
    assert Problem("the file is empty; write a manifest or delete the file", 1, 1) == read_page(b"# nothing", loader)
