from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.model.experiments import Problem
from shared.wire.writing import manifest_text
from shared.wire.yaml import read_yaml

MANIFEST = {
    "kind": "Workflow",
    "apiVersion": "argoproj.io/v1alpha1",
    "data": "kind: ChaosEngine\nspec: {}\n",
    "on": "ü",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def test_a_json_manifest_becomes_yaml_in_its_own_order() -> None:
    text = manifest_text(json.dumps(MANIFEST).encode()).decode()
    assert list(MANIFEST.items()) == list(yaml.safe_load(text).items())
    assert "data: |\n  kind: ChaosEngine\n" in text


def reread(manifest: object) -> object:
    read = read_yaml(manifest_text(json.dumps(manifest).encode()))
    assert not isinstance(read, Problem), read
    return read.value


@pytest.mark.parametrize(
    "text",
    [
        *("08", "1e3", "0o7", "0777", "1_000", "12:30:45", "2024-01-01", ".5", "+1", ".nan", "-.inf", "~", "null"),
        *("yes", "on", "n", "True", "<<", "=", "", " x", "x ", "a: b", "x #y", "- a", "{{workflow.name}}", "*a", "!t"),
        *(
            "a\n",
            "a\n\n",
            "\n\na",
            "  lead\nblock\n",
            "trail  \nblock",
            "a\r\nb",
            "\u2028a\n",
            "\x85\n",
            "a\n\tb",
            "\t",
        ),
        *("\t", "\ufeffa\nb", "\U0001f600", "\x7f", "a" * 70_000 + " b"),
    ],
)
def test_a_text_stays_the_same_text(text: str) -> None:
    assert {"k": text} == reread({"k": text})
    assert {"k": [text]} == reread({"k": [text]})


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_whatever_json_holds_is_read_again(manifest: dict[str, object]) -> None:
    assert manifest == reread(manifest)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="no JSON"):
        manifest_text(body)


def test_a_key_that_is_given_twice_is_named() -> None:
    with pytest.raises(BadInput, match="'b' is given twice"):
        manifest_text(b'{"a": 1, "b": {"b": 1, "c": 1, "b": 2}}')
