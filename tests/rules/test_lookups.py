from __future__ import annotations

from typing import Final

import jmespath
import msgspec
import pytest

from shared.model.changes import Side
from shared.model.policies import Condition, Judged
from shared.rules.lookups import key as compiled
from tests.rules.policed import WATCHED, change, decided, policy, side


def judged(key: str, old: Side, new: Side, kind: str = "Deployment") -> Judged:
    equal = Condition(key, "EqualTo", "hunter2")
    return decided(change(old, new, kind=kind), policy(conditions=(equal,))).opinions[0].conditions[0]


SECRET: Final = side({}, {"labels": {"a": "hunter2"}}, data={"password": "hunter2"}, stringData={"a": "hunter2"})
APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
CONTAINERS: Final = [{"name": "web", "image": "a:1", "env": [{"name": "PASSWORD", "value": "hunter2"}]}]


@pytest.mark.parametrize(
    "key",
    [
        "data.password",
        "stringData",
        "data",
        "@",
        "to_string(@)",
        "*",
        "[metadata.name, data.password]",
        "metadata.missing || data.password",
        f'metadata.annotations."{APPLIED}"',
        "values(data)",
        "type",
    ],
)
def test_nothing_of_a_secret_is_shown_but_its_metadata(key: str) -> None:
    applied = {"annotations": WATCHED | {APPLIED: "hunter2"}}
    bodies = {"data": {"password": "hunter2"}, "stringData": {"a": "hunter2"}, "type": "hunter2"}
    new = side({}, applied, **bodies)
    found = judged(key, side({}), new, "Secret")

    assert "hunter2" not in repr(found)
    assert ("(hidden)", "(hidden)") == (found.found, found.value)


def test_metadata_of_a_secret_is_shown() -> None:
    assert judged("metadata.labels.a", SECRET, SECRET, "Secret").found == "hunter2"


@pytest.mark.parametrize(
    "key",
    [
        "spec.containers[0].env[0].value",
        "spec.containers[0].env[?name=='PASSWORD'].value | [0]",
        "spec.containers",
        "spec",
        "@",
        "spec.containers[0].*",
        "to_string(spec)",
        "spec.containers[0].[env, name]",
    ],
)
def test_the_environment_of_a_container_is_not_shown(key: str) -> None:
    found = judged(key, side({}), side({"containers": CONTAINERS}))

    assert "hunter2" not in repr(
        msgspec.structs.replace(
            found, value=None, reason=found.reason.replace('equal "hunter2"', "").replace("equal hunter2", "")
        )
    )
    assert found.found is not None


def test_what_is_beside_the_environment_is_shown() -> None:
    found = judged("spec.containers[0]", side({}), side({"containers": CONTAINERS}))

    assert found.found == '{"name": "web", "image": "a:1", "env": (hidden)}'


def test_only_200_characters_of_a_value_are_shown() -> None:
    long = ["ä" * 60, {"b": None, "c": [1, "x" * 1000]}]
    found = judged("spec.a", side({"a": "x" * 5000}), side({"a": long}))

    assert (200, 200) == (len(found.before), len(found.found))
    assert found.found.startswith('["' + "ä" * 60 + '", {"b": null, "c": [1, "xx')
    assert found.found.endswith("…")
    assert len(found.reason) < 1000


def test_a_key_that_takes_up_more_than_it_names_shows_only_what_it_found() -> None:
    found = judged("spec.*", side({"a": 1}), side({"a": [1], "b": 2}))

    assert ("(list of 1)", "(list of 2)") == (found.before, found.found)


def test_a_number_that_a_function_counts_is_shown() -> None:
    assert judged("length(spec.a)", side({"a": []}), side({"a": [1]})).found == 1


def test_a_key_that_names_nothing_finds_the_same_always() -> None:
    assert judged("'hunter2'", side({}), side({"a": 1})).changed is False


def test_a_key_that_cannot_be_evaluated_finds_nothing() -> None:
    found = judged("length(spec.a)", side({"a": 1}), side({"a": 2}))

    assert (None, None, False) == (found.found, found.before, found.holds)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("a", id="a name"),
        pytest.param('a."b.c"[0]', id="a quoted name and an index"),
        pytest.param('a."b.c"[-1].d', id="an index from the end"),
        pytest.param('a."b.c"[-3]', id="an index before the first"),
        pytest.param('a."b.c"[2]', id="an index beyond the last"),
        pytest.param('a."b.c".d', id="a name in a list"),
        pytest.param("a[0]", id="an index in an object"),
        pytest.param("a.e.f", id="a name in a text"),
        pytest.param("a.e[0]", id="an index in a text"),
        pytest.param("a.g[0]", id="a name that is not there"),
        pytest.param("[0]", id="an index at once"),
        pytest.param('a."b.c" | [0]', id="a pipe"),
    ],
)
def test_a_key_finds_what_jmespath_finds(key: str) -> None:
    content = {"a": {"b.c": [{"d": 1}, {"d": 2}], "e": "text"}}
    assert jmespath.search(key, content) == compiled(key).find(content)


def test_a_key_of_names_and_indexes_is_walked() -> None:
    assert ("spec", "containers", 0, "image") == compiled("spec.containers[0].image").steps
    assert None is compiled("spec.containers[*].image").steps
