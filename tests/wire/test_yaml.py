from __future__ import annotations

from typing import Any

import pytest

from shared.model.experiments import Problem
from shared.wire.documents import Document
from shared.wire.yaml import FASTEST, MAX_BYTES, read_documents, read_yaml
from tests.wire.yaml_texts import BOTH


def value(text: str | bytes, loader: Any = FASTEST) -> Any:
    read = read_yaml(text if isinstance(text, bytes) else text.encode(), loader)
    assert isinstance(read, Document), read
    return read.value


@BOTH
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("on", "on", id="on is no boolean"),
        pytest.param("yes", "yes", id="yes is no boolean"),
        pytest.param("No", "No", id="no is no boolean"),
        pytest.param("y", "y", id="y is no boolean"),
        pytest.param("true", True, id="true"),
        pytest.param("False", False, id="false in another case"),
        pytest.param("null", None, id="null"),
        pytest.param("~", None, id="a tilde"),
        pytest.param("", None, id="nothing at all"),
        pytest.param("2026-01-02", "2026-01-02", id="a date is text"),
        pytest.param("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", id="a time is text"),
        pytest.param("12:30:45", "12:30:45", id="sexagesimal is text"),
        pytest.param("1_000", "1_000", id="underscores are text"),
        pytest.param("=", "=", id="an equals sign is text"),
        pytest.param("3", 3, id="an integer"),
        pytest.param("-0", 0, id="minus zero"),
        pytest.param("+7", 7, id="a sign"),
        pytest.param("0644", 420, id="a leading zero is octal, as kubectl reads it"),
        pytest.param("0o644", 420, id="octal"),
        pytest.param("-0x1F", -31, id="hexadecimal"),
        pytest.param("0b101", 5, id="binary"),
        pytest.param("08", 8, id="no octal digit, so decimal"),
        pytest.param("1.5", 1.5, id="a float"),
        pytest.param(".5", 0.5, id="a float without its zero"),
        pytest.param("3.0", 3, id="a whole float is an integer, as kubectl sends it"),
        pytest.param("1e3", 1000, id="an exponent"),
        pytest.param("1e30", 1e30, id="a large float"),
        pytest.param("1e999", "1e999", id="what no float holds is text"),
        pytest.param("18446744073709551615", 18446744073709551615, id="the largest integer"),
        pytest.param("18446744073709551616", 18446744073709551616, id="beyond it, the float of it"),
        pytest.param("-9223372036854775809", -9223372036854775808, id="below the smallest, the float of it"),
        pytest.param("9" * 64, 1e64, id="a long number is a float"),
        pytest.param("9" * 65, "9" * 65, id="a longer one is text"),
        pytest.param("0.", 0, id="a float without fraction"),
        pytest.param("-", None, id="a dash is an item"),
        pytest.param("-a", "-a", id="a word that begins like a number"),
        pytest.param("1.2.3", "1.2.3", id="a version is text"),
        pytest.param('"3"', "3", id="quotes make text"),
        pytest.param("'true'", "true", id="single quotes make text"),
        pytest.param("!!str 3", "3", id="a tag makes text"),
        pytest.param("! 3", "3", id="so does the non-specific tag"),
        pytest.param('!!int "3"', 3, id="a tag makes a number"),
        pytest.param("!!float 3", 3, id="a float may be whole"),
        pytest.param("!!bool true", True, id="a tag that says what is so"),
        pytest.param("!!null ''", None, id="a null by tag"),
    ],
)
def test_a_scalar_is_read_as_kubernetes_means_it(text: str, expected: object, loader: Any) -> None:
    read = value("key: " + (text if text != "-" else "\n-"), loader)["key"]

    found = read[0] if text == "-" else read
    assert (type(expected), expected) == (type(found), found)


@BOTH
def test_merge_keys_add_what_is_missing_and_the_first_wins(loader: Any) -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2.50}\nc:\n  <<: [*a, *b]\n  x: 0\n'<<': kept\n"

    assert value(text, loader) == {
        "a": {"x": 1, "y": 1},
        "b": {"y": 2, "z": 2.5},
        "c": {"x": 0, "y": 1, "z": 2.5},
        "<<": "kept",
    }


@BOTH
def test_a_merged_field_is_where_it_was_written(loader: Any) -> None:
    read = read_yaml(b"a: &a\n  x: 1.10\nb:\n  <<: *a\n", loader)

    assert isinstance(read, Document)
    assert (2, 3) == read.mark("b", "x")
    assert read.source("b", "x") == "1.10"


@BOTH
def test_numbers_and_booleans_as_keys_are_what_was_written(loader: Any) -> None:
    assert value("1: a\n2.50: b\ntrue: c\n", loader) == {"1": "a", "2.50": "b", "true": "c"}


@BOTH
def test_an_alias_may_be_a_key(loader: Any) -> None:
    assert value("a: &k name\n*k : b\n", loader) == {"a": "name", "name": "b"}


def test_a_file_of_exactly_256_kib_is_read() -> None:
    assert len(value(b"a: " + b"x" * (MAX_BYTES - 3))["a"]) == MAX_BYTES - 3


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert value(b"\xef\xbb\xbfkind: Workflow") == {"kind": "Workflow"}


@pytest.mark.parametrize("text", ["# licence\n---\na: 1\n", "---\na: 1\n---\n", "a: 1\n...\n", "---\n---\na: 1\n"])
def test_empty_documents_around_one_do_not_count(text: str) -> None:
    assert value(text) == {"a": 1}


def test_all_documents_of_an_embedded_text_are_read() -> None:
    read = read_documents(b"a: 1\n---\n---\n- b\n")

    assert not isinstance(read, Problem)
    assert [({"a": 1}, (1, 1)), (["b"], (3, 1))] == [(one.value, one.place) for one in read]


@BOTH
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param((), (1, 1), id="the document"),
        pytest.param(("spec",), (1, 1), id="a key"),
        pytest.param(("spec", "templates"), (2, 3), id="a key below"),
        pytest.param(("spec", "templates", 1), (4, 7), id="an item"),
        pytest.param(("spec", "templates", 1, "name"), (4, 7), id="a key in an item"),
        pytest.param(("spec", "templates", 1, "image"), (5, 7), id="a later key"),
        pytest.param(("spec", "templates", 1, "absent", "x"), (4, 7), id="its nearest ancestor"),
        pytest.param(("spec", "templates", 7), (2, 3), id="the list of an item that is not there"),
    ],
)
def test_every_value_has_a_place(path: tuple[str | int, ...], expected: tuple[int, int], loader: Any) -> None:
    read = read_yaml(b"spec:\n  templates:\n    - name: a\n    - name: b\n      image: c\n", loader)

    assert isinstance(read, Document)
    assert expected == read.mark(*path)


def test_a_number_knows_how_it_was_written() -> None:
    read = read_yaml(b"a: [1.10, true, x]\nb: 0644\n")

    assert isinstance(read, Document)
    assert ["1.10", "true", None, "0644", None, None] == [
        read.source("a", 0),
        read.source("a", 1),
        read.source("a", 2),
        read.source("b"),
        read.source("b", "c"),
        read.source("d"),
    ]
