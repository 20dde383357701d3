from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.experiments import Problem
from shared.wire.documents import Document
from shared.wire.yaml import FASTEST, MAX_BYTES, read_yaml
from tests.wire.yaml_texts import BOTH

LAUGH = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


def problem(text: str | bytes, loader: Any = FASTEST) -> Problem:
    read = read_yaml(text if isinstance(text, bytes) else text.encode(), loader)
    assert isinstance(read, Problem), read.value
    return read


@BOTH
@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' was already given on line 1", id="a repeated key"),
        pytest.param("a: {b: 1, b: 2}", 1, 11, "the key 'b' was already given on line 1", id="in flow style"),
        pytest.param("1: x\n'1': y", 2, 1, "already given", id="a number and its text are one key"),
        pytest.param("<<: {a: 1}\n<<: {b: 1}\n", 2, 1, "the key '<<' was already given", id="merging twice"),
        pytest.param(
            "a:\n  b: {{workflow.parameters.x}}\n", 2, 7, "a key must be a string", id="an unquoted placeholder"
        ),
        pytest.param("? [a]\n: b", 1, 3, "a key must be a string", id="a list as a key"),
        pytest.param("a: &l [1]\n*l : b", 2, 1, "a key must be a string", id="an alias of a list as a key"),
        pytest.param("~: x", 1, 1, "a key must be a string", id="a null as a key"),
        pytest.param("a: 1\n? \n: x", 2, 2, "a key must be a string", id="a key that is missing"),
        pytest.param("a:\n\tb: 1\n", 2, 1, "a tab indents this line", id="a tab"),
        pytest.param("a: b: c\n", 1, 5, "a colon where none may stand", id="a second colon"),
        pytest.param("a: @b\n", 1, 4, "no value begins with this character", id="a reserved character"),
        pytest.param("a: 1\nb: 'c\nd: e\n", 2, 4, "the quote that begins here is never closed", id="an open quote"),
        pytest.param("- a\nb: c\n", 2, 1, "does not fit the lines above", id="a key among items"),
        pytest.param("a: *x\n", 1, 4, "the alias *x names no value", id="an alias without anchor"),
        pytest.param("a: &a [*a]\n", 1, 8, "the alias *a names no value that ended", id="an alias of itself"),
        pytest.param("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here", id="a second document"),
        pytest.param("", 1, 1, "the file is empty", id="nothing"),
        pytest.param("# only a comment\n", 1, 1, "the file is empty", id="a comment alone"),
        pytest.param("---\n---\n", 1, 1, "the file is empty", id="empty documents"),
        pytest.param("a: .nan", 1, 4, ".nan is no number that JSON can hold", id="not a number"),
        pytest.param("a: -.Inf", 1, 4, "-.Inf is no number that JSON can hold", id="infinity"),
        pytest.param("a: !!binary Zm9v", 1, 4, "the tag tag:yaml.org,2002:binary does not fit", id="a binary"),
        pytest.param("a: !!int x", 1, 4, "the tag tag:yaml.org,2002:int does not fit", id="a tag that lies"),
        pytest.param("a: !!set {b}", 1, 4, "the tag tag:yaml.org,2002:set does not fit", id="a set"),
        pytest.param("a: !!python/object:os.system {}", 1, 4, "does not fit", id="an object of Python's"),
        pytest.param("<<: 3", 1, 5, "<< must name a mapping", id="merging a number"),
        pytest.param("<<: [{a: 1}, 3]", 1, 5, "<< must name a mapping", id="merging a list with a number"),
        pytest.param('a: "\\0"', 1, 4, "NUL", id="an escaped NUL"),
        pytest.param("a\0b", 1, 2, "the control character U+0000", id="a NUL"),
        pytest.param("a: b\r\nc: \x1b[1m", 2, 4, "the control character U+001B", id="an escape sequence"),
        pytest.param(b"a: b\nc: \xe9t\xe9\n", 2, 4, "byte 0xe9 is not UTF-8", id="Latin-1"),
        pytest.param(b"\xff\xfea\0", 1, 1, "byte 0xff is not UTF-8", id="UTF-16"),
        pytest.param("[" * 5000, 1, 101, "nested over 100 levels", id="brackets without end"),
        pytest.param("- " * 5000, 1, 201, "nested over 100 levels", id="dashes without end"),
        pytest.param(LAUGH, 6, 30, "too large with its aliases written out", id="a billion laughs"),
        pytest.param("a: &a x\nb: [" + "*a," * 1001 + "]", 2, 3005, "over 1000 aliases", id="very many aliases"),
        pytest.param(
            "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 50 + "*a" + "]" * 50, 2, 54, "nested", id="depth by alias"
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    text: str | bytes, line: int, column: int, said: str, loader: Any
) -> None:
    found = problem(text, loader)

    assert (line, column) == (found.line, found.column)
    assert said in found.message


def test_a_file_over_256_kib_is_not_parsed() -> None:
    begun = time.perf_counter()
    found = problem(b"- [" * (10 << 20))

    assert "over the limit of 262144 bytes (256 KiB)" in found.message
    assert time.perf_counter() - begun < 0.5


def test_a_bracket_left_open_is_named_where_it_begins() -> None:
    found = problem("a: 1\nb: [1,\n  2")

    assert (2, 4) == (found.line, found.column)
    assert "the bracket that begins here" in found.message


def test_what_the_parser_names_without_a_known_mend_is_still_said() -> None:
    found = problem("%YAML 99999999999999999999.1\n---\na\n")

    assert found.message.startswith("this is not YAML; check this line")


def test_an_escape_in_a_tag_that_is_no_text_is_a_problem() -> None:
    assert "an escape stands for no character" in problem("!%c0%80 a").message


@pytest.mark.parametrize("text", ['"\\U99999999"', '"\\ud800"'], ids=["out of range", "half a pair"])
def test_an_escape_for_no_character_is_a_problem_to_either_parser(text: str) -> None:
    assert [1, 1] == [problem(text, FASTEST).line, problem(text, yaml.SafeLoader).line]


@settings(max_examples=300, deadline=2000)
@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_any_bytes_give_a_document_or_a_problem(data: bytes) -> None:
    assert isinstance(read_yaml(data), Document | Problem)


FRAGMENTS = st.sampled_from(
    [
        *"\n\t :-?[]{},&*!|>'\"%@`#~=a1.",
        "\n  ",
        "- ",
        ": ",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!!str ",
        "{{x}}",
        "---\n",
        "...\n",
        '"\\',
        "0x1",
        "1e5",
        ".inf",
        "\u2028",
        "\ufeff",
        "%YAML 1.1\n",
        "%TAG ! x\n",
        "? ",
    ]
)


@settings(max_examples=500, deadline=2000)
@given(st.lists(FRAGMENTS, max_size=40).map("".join), st.sampled_from([FASTEST, yaml.SafeLoader]))
def test_any_syntax_gives_a_document_or_a_problem_inside_the_file(text: str, loader: Any) -> None:
    read = read_yaml(text.encode(), loader)

    if isinstance(read, Problem):
        assert read.message
        assert 1 <= (read.line or 1) <= len(text.splitlines()) + 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"-\n" * (MAX_BYTES // 2), id="very many items"),
        pytest.param(b"[" + b"a: b, " * (MAX_BYTES // 6 - 1) + b"]", id="very many pairs"),
        pytest.param(b"{" + b"?," * (MAX_BYTES // 2 - 1) + b"}", id="very many empty keys"),
        pytest.param(b'"' + b"\\n" * (MAX_BYTES // 2 - 1), id="very many escapes"),
        pytest.param(b"#\n" * (MAX_BYTES // 2), id="very many comments"),
        pytest.param(b"[" * MAX_BYTES, id="very deep"),
        pytest.param(LAUGH.encode(), id="very much laughter"),
    ],
)
def test_the_worst_files_are_read_in_bounded_time(data: bytes) -> None:
    begun = time.perf_counter()
    read_yaml(data)

    assert time.perf_counter() - begun < 10
