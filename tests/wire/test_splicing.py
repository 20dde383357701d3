from __future__ import annotations

import pytest

from shared.model.merging import Add, Change, Drop, Take
from shared.wire.spans import Page, read_page
from shared.wire.splicing import Splice, Unfit

TEXT = """\
# shop
metadata:
  name: cart  # the cart
  labels: {a: 1, b: 2}
spec:
  # first
  list:
    - name: x
      v: 1
    # second
    - name: y  # y
      v: |
        one
        two

  last: "z"
"""
OTHER = """\
metadata: {name: art, labels: {a: 9, c: 3}}
spec:
    # about it
    list:
        # new x
        - name: x # tail
          v: [1,
            2]
        - name: w
          v: >-
            folded
            text
        - {name: q,
           v: 1}
    last: 'zz' # end
    more:
        deep:

            - 1
"""
SPEC = ("spec",)
LIST = ("spec", "list")
LABELS = ("metadata", "labels")
W = "    - name: w\n      v: >-\n        folded\n        text\n"


def page(text: str) -> Page:
    read = read_page(text.encode())
    assert isinstance(read, Page), read
    return read


def spliced(text: str, other: str, *changes: Change, base: str = TEXT) -> str:
    """Return `text` with changes from `other`."""
    old, new = page(base).remarks, page(other).remarks
    return Splice(page(text), page(other), new - old, old - new).text(changes).decode()


def take(*path: str | int) -> Take:
    """Return the change of what stands at one path on both sides."""
    return Take(path, path)


@pytest.mark.parametrize(
    ("changes", "was", "becomes"),
    [
        pytest.param(
            [take("metadata", "name")], "name: cart  # the cart", "name: art", id="a scalar, without its remark"
        ),
        pytest.param([take(*LABELS, "a")], "{a: 1, b: 2}", "{a: 9, b: 2}", id="a scalar within brackets"),
        pytest.param([take(*LABELS)], "{a: 1, b: 2}", "{a: 9, c: 3}", id="brackets"),
        pytest.param([take(*SPEC, "last")], 'last: "z"', "last: 'zz' # end", id="with a new comment"),
        pytest.param([take(*LIST, 0, "v")], "      v: 1\n", "      v: [1,\n        2]\n", id="over two lines"),
        pytest.param(
            [take(*LIST, 1, "v")], "v: |\n        one\n        two", "v: >-\n        folded\n        text", id="a block"
        ),
        pytest.param(
            [take(*LIST, 0)], "- name: x\n      v: 1", "- name: x # tail\n      v: [1,\n        2]", id="an item"
        ),
        pytest.param([Add(LIST, 0, (*LIST, 1))], "      v: 1\n", f"      v: 1\n{W}", id="an item in between"),
        pytest.param(
            [Add(LIST, 1, (*LIST, 1)), Add(LIST, 1, (*LIST, 2))],
            "        two\n",
            f"        two\n{W}    - {{name: q,\n       v: 1}}\n",
            id="two items at the end",
        ),
        pytest.param(
            [Add(LIST, None, (*LIST, 0))],
            "    - name: x\n",
            "    # new x\n    - name: x # tail\n      v: [1,\n        2]\n    - name: x\n",
            id="an item in front, with its comments",
        ),
        pytest.param(
            [Add(SPEC, "last", (*SPEC, "more"))],
            '  last: "z"\n',
            '  last: "z"\n  more:\n      deep:\n\n          - 1\n',
            id="a field at the end",
        ),
        pytest.param(
            [Add((*LIST, 0), None, (*LIST, 0, "v"))],
            "    - name: x\n",
            "    - v: [1,\n        2]\n      name: x\n",
            id="a field behind a dash",
        ),
        pytest.param(
            [Add((*LIST, 0), "name", (*SPEC, "last"))],
            "    - name: x\n",
            "    - name: x\n      last: 'zz' # end\n",
            id="a field of an item",
        ),
        pytest.param([Add(LABELS, "b", (*LABELS, "c"))], "b: 2}", "b: 2, c: 3}", id="at the end of brackets"),
        pytest.param([Add(LABELS, None, (*LABELS, "c"))], "{a: 1", "{c: 3, a: 1", id="at the front of brackets"),
        pytest.param([Add(LABELS, "a", (*SPEC, "last"))], "{a: 1,", "{a: 1, last: 'zz',", id="a line into brackets"),
        pytest.param([Add(SPEC, "last", (*LABELS, "c"))], '"z"\n', '"z"\n  c: 3\n', id="out of brackets into a line"),
        pytest.param([Drop((*SPEC, "last"))], '  last: "z"\n', "", id="the last line goes"),
        pytest.param([Drop(("metadata", "name"))], "  name: cart  # the cart\n", "", id="with the comment behind it"),
        pytest.param([Drop((*LIST, 0))], "    - name: x\n      v: 1\n", "", id="an item goes"),
        pytest.param(
            [Drop((*LIST, 1))],
            "    # second\n    - name: y  # y\n      v: |\n        one\n        two\n",
            "",
            id="with the comment above it",
        ),
        pytest.param([Drop((*LIST, 0, "name"))], "- name: x\n      v: 1", "- v: 1", id="the field behind a dash goes"),
        pytest.param([Drop((*LABELS, "a"))], "{a: 1, b: 2}", "{b: 2}", id="the first within brackets goes"),
        pytest.param([Drop((*LABELS, "b"))], "{a: 1, b: 2}", "{a: 1}", id="the last within brackets goes"),
        pytest.param([Drop((*LABELS, "a")), Drop((*LABELS, "b"))], "{a: 1, b: 2}", "{}", id="all within brackets go"),
        pytest.param(
            [Drop(("metadata", "name")), Add(("metadata",), None, (*LABELS, "c"))],
            "  name: cart  # the cart\n",
            "  c: 3\n",
            id="one for another",
        ),
    ],
)
@pytest.mark.parametrize("newline", [pytest.param("\n", id="LF"), pytest.param("\r\n", id="CRLF")])
@pytest.mark.parametrize("mark", [pytest.param("", id="plain"), pytest.param("\ufeff", id="BOM")])
def test_only_what_changes_is_written(changes: list[Change], was: str, becomes: str, newline: str, mark: str) -> None:
    assert 1 == TEXT.count(was)
    text, expected = (mark + one.replace("\n", newline) for one in (TEXT, TEXT.replace(was, becomes)))
    assert expected == spliced(text, OTHER, *changes)
    assert expected == spliced(text, OTHER.replace("\n", "\r\n"), *changes)


@pytest.mark.parametrize(
    ("text", "other", "changes", "expected"),
    [
        pytest.param("a: 1\nb: 2", "c: 3", [Drop(("b",))], "a: 1", id="no newline at the end, and the last line goes"),
        pytest.param("a: 1", "c: 3", [Add((), "a", ("c",))], "a: 1\nc: 3", id="no newline at the end, and a line more"),
        pytest.param("l:\n- a\n-\n- b\n", "c: 3", [Drop(("l", 1))], "l:\n- a\n- b\n", id="an empty item goes"),
        pytest.param("l:\n- - a\n  - b\n", "c: 3", [Drop(("l", 0, 0))], "l:\n- - b\n", id="lists within lists"),
        pytest.param(
            "l:\n- # - x\n  a\n# - y\n- b\n",
            "# - y\nc: 3",
            [Drop(("l", 1))],
            "l:\n- # - x\n  a\n# - y\n",
            id="dashes in comments",
        ),
        pytest.param("l: &l\n- a\n- b\n", "c: 3", [Drop(("l", 0))], "l: &l\n- b\n", id="a list with an anchor"),
        pytest.param("l: [a, b]\n", "l: [a, c]\n", [take("l", 1)], "l: [a, c]\n", id="an item within brackets"),
        pytest.param("l:\n- a\n", "l: [a, c]\n", [Add(("l",), 0, ("l", 1))], "l:\n- a\n- c\n", id="out of brackets"),
        pytest.param("l: [a]\n", "l:\n- a\n- c\n", [Add(("l",), 0, ("l", 1))], "l: [a, c]\n", id="into brackets"),
        pytest.param("--- # x\na: 1\n...\n---\n", "a: 2\n", [take("a")], "--- # x\na: 2\n...\n---\n", id="marks stay"),
        pytest.param(
            "---\n---\na: 1\n", "---\n# y\n---\na: 2\n", [take("a")], "---\n---\na: 2\n", id="the second page"
        ),
        pytest.param("a:\nb: 1\n", "a: 5\n", [take("a")], "a: 5\nb: 1\n", id="nothing becomes something"),
        pytest.param("a: 5\nb: 1\n", "a:\n", [take("a")], "a:\nb: 1\n", id="something becomes nothing"),
        pytest.param(
            "a:\n    b: 1\n", "a:\n  b:\n\n    - x\n", [take("a", "b")], "a:\n    b:\n\n      - x\n", id="deeper"
        ),
        pytest.param("k: |+\n  x\n\nb: 1\n", "b: 2\n", [take("b")], "k: |+\n  x\n\nb: 2\n", id="kept empty lines"),
        pytest.param("k: |", "k: x\n", [take("k")], "k: x", id="an empty block at the end"),
        pytest.param("a: é # ü\nb: \U0001f600\n", "b: ö\n", [take("b")], "a: é # ü\nb: ö\n", id="other scripts"),
        pytest.param("{a: 1}", "{a: 2}", [take("a")], "{a: 2}", id="a file in brackets"),
    ],
)
def test_layouts(text: str, other: str, changes: list[Change], expected: str) -> None:
    assert expected == spliced(text, other, *changes, base=text)


@pytest.mark.parametrize(
    ("text", "other", "change", "expected"),
    [
        pytest.param("a", "b", Take((), ()), "the file is not written out where it is used", id="no field at all"),
        pytest.param("x: &x {a: 1}\ny: *x\n", "y: {a: 2}", take("y", "a"), "y.a is not written out", id="an alias"),
        pytest.param(
            "x: &x\n  a: 1\ny:\n  <<: *x\n  b: 1\n",
            "y: {a: 2}",
            take("y", "a"),
            "y.a is not written out",
            id="merged in",
        ),
        pytest.param(
            "y: {a: 2}", "x: &x {a: 1}\ny: *x\n", take("y", "a"), "y.a is not written out", id="source's alias"
        ),
        pytest.param("a: {}", "a: {b: 1}", Add(("a",), None, ("a", "b")), "a is not written out", id="an empty one"),
        pytest.param(
            "x: &x {a: 1}\ny: *x\n", "y: {b: 2}", Add(("y",), "a", ("y", "b")), "y is not", id="into an alias"
        ),
        pytest.param(
            "l:\n- a: 1\n", "c: 1", Drop(("l", 0, "a")), "l[0].a is all that its line holds", id="a dash's all"
        ),
        pytest.param("{a: 1}", "a: |\n  x\n", take("a"), "a takes several lines", id="a block between brackets"),
    ],
)
def test_what_does_not_fit_the_layout_is_refused(text: str, other: str, change: Change, expected: str) -> None:
    with pytest.raises(Unfit) as refused:
        spliced(text, other, change)
    assert expected in str(refused.value)


def test_less_indentation_than_there_is_cannot_be_taken_away() -> None:
    with pytest.raises(Unfit, match="a is indented in a way that does not fit here"):
        spliced("a: 1\n", '    a: "x\n  y"\n', Take(("a",), ("a",)))
