from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from shared.model.experiments import Problem
from shared.model.policies import Policy
from shared.wire.files import read_file, read_policy_file
from shared.wire.yaml import MAX_BYTES
from tests.wire.policy_texts import HEAD, SPEC

ENGINE: Final = b"""\
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata: {name: a}
spec: {experiments: [{name: pod-delete}]}
"""
SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "policies"


def test_policies_of_others_are_valid_where_they_stand_beside_the_repository() -> None:
    found = {path.name: read_file(path.name, path.read_bytes()) for path in SAMPLES.glob("eventtracker_*.y*ml")}

    assert {} == {name: one for name, one in found.items() if not isinstance(one, Policy) or one.problem}


def test_a_file_with_a_policy_is_a_policy_with_its_path() -> None:
    found = read_file("litmus/shop/grown.yaml", (HEAD + SPEC).encode())

    assert isinstance(found, Policy)
    assert ("grown", "litmus/shop/grown.yaml", None) == (found.name, found.path, found.problem)


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        pytest.param(HEAD + "spec: {}\n", "grown", 5, id="one that can be read keeps its name"),
        pytest.param(
            HEAD.replace("  name: grown\n", "  x: y\n") + SPEC, "file", 3, id="one without name has its file's"
        ),
        pytest.param(HEAD + "spec: {}\nspec: {}\n", "file", 6, id="no YAML, but it says what it is"),
        pytest.param(HEAD + SPEC + "---\n" + HEAD, "file", 7, id="two in one file"),
        pytest.param('{"kind": "EventTrackerPolicy", "kind": 1}', "file", 1, id="in JSON"),
        pytest.param('{\n  "a": 1,\n  "kind": "EventTrackerPolicy",\n', "file", 4, id="in JSON over several lines"),
    ],
)
def test_a_broken_policy_stays_known_as_a_policy(text: str, name: str, line: int) -> None:
    found = read_file("litmus/shop/file.yaml", text.encode())

    assert isinstance(found, Policy)
    assert found.problem
    assert (name, "litmus/shop/file.yaml", line) == (found.name, found.path, found.problem.line)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind: Workflow\nkind: Workflow\n", id="no YAML, and another kind"),
        pytest.param("a: |\n  kind: EventTrackerPolicy\nb: [\n", id="no YAML, with a policy inside a text"),
        pytest.param("- kind: EventTrackerPolicy\n", id="a list of policies"),
        pytest.param("kind: Pod\napiVersion: v1\n", id="another kind"),
        pytest.param("x" * MAX_BYTES + "\nkind: EventTrackerPolicy\n", id="far too large"),
    ],
)
def test_any_other_broken_file_is_a_problem(text: str) -> None:
    assert isinstance(read_file("a.yaml", text.encode()), Problem)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(b"kind: Workflow\nkind: Workflow\n", "kind", id="broken"),
        pytest.param(
            ENGINE,
            "this is no EventTrackerPolicy",
            id="an experiment",
        ),
    ],
)
def test_a_file_that_was_to_be_a_policy_and_is_none_says_so(text: bytes, says: str) -> None:
    found = read_policy_file("p.yaml", text)
    assert found.problem is not None
    assert says in found.problem.message


def test_a_policy_file_is_read_as_one() -> None:
    assert ("grown", None) == ((found := read_policy_file("p.yaml", (HEAD + SPEC).encode())).name, found.problem)
