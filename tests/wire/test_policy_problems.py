from __future__ import annotations

import json
import re
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.experiments import Manifest, Problem
from shared.wire.files import read_file
from tests.wire.policy_texts import CONDITION, HEAD, SPEC, annotated, read


def problem(text: str) -> Problem:
    found = read(text)
    assert isinstance(found, Problem), found
    return found


@pytest.mark.parametrize(
    ("key", "said"),
    [
        pytest.param("", "spec.conditions[0] has no key; name a field by JMESPath", id="none"),
        pytest.param("spec..replicas", "'spec..replicas' is no JMESPath; correct it", id="two dots"),
        pytest.param("spec.a-b", "a name with '-', '.' or '/' stands in double quotes", id="a dash"),
        pytest.param("spec[", "(Invalid jmespath expression: Incomplete expression)", id="half a bracket"),
        pytest.param("size(spec)", "JMESPath has no function 'size'; correct the name", id="no function"),
        pytest.param("status.replicas", "the key is under status, which never counts", id="status"),
        pytest.param("length(status.conditions)", "the key is under status", id="inside status"),
        pytest.param("&spec", "the key has an & outside a function", id="an expression alone"),
        pytest.param("[&spec]", "the key has an & outside a function", id="an expression in a list"),
        pytest.param("a" * 257, "the key has 257 characters; write a shorter one, at most 256", id="too long"),
        pytest.param("(" * 256, "is no JMESPath", id="brackets without end"),
        pytest.param("!" * 61 + "a", "the key nests over 60 levels deep", id="too deep"),
        pytest.param("[a] | [@] | {b: @}", "the key has over 2 multi-selects", id="too many multi-selects"),
    ],
)
def test_keys_that_are_wrong_or_run_away_are_problems(key: str, said: str) -> None:
    found = problem(f'{HEAD}spec:\n  conditions:\n    - key: "{key}"\n      operator: Change\n')

    assert (7, 7) == (found.line, found.column)
    assert said in found.message


@pytest.mark.parametrize(
    ("spec", "line", "said"),
    [
        pytest.param("spec:\n", 5, "the policy says nothing; give it conditions", id="nothing"),
        pytest.param("spec: {conditions: []}\n", 5, "the policy says nothing", id="no conditions"),
        pytest.param("spec: {condition_type: and}\n", 5, "the policy says nothing", id="only a type"),
        pytest.param("spec: []\n", 5, "spec must be a mapping, found a list", id="a list"),
        pytest.param(
            f"spec:\n  condition_type: xor\n  conditions: [{CONDITION}]\n",
            6,
            "spec.condition_type is 'xor'; write one of and, or",
            id="a type",
        ),
        pytest.param(
            "spec:\n  conditions: {}\n", 6, "spec.conditions must be a list, found a mapping", id="conditions"
        ),
        pytest.param(
            f"spec:\n  conditions: [{', '.join([CONDITION] * 51)}]\n",
            6,
            "over 50 conditions; write several",
            id="too many",
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, operator: equalto, value: b}\n",
            7,
            "spec.conditions[0].operator is 'equalto'; write one of EqualTo, NotEqualTo",
            id="an operator",
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, value: b}\n",
            7,
            "spec.conditions[0].operator is ''; write one of",
            id="no operator",
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, operator: EqualTo}\n",
            7,
            "spec.conditions[0] has no value; EqualTo compares",
            id="no value",
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, operator: EqualTo, value: }\n", 7, "has no value", id="a null as value"
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, operator: EqualTo, value: [b]}\n",
            7,
            "value must be a string, found a list; put it in quotes",
            id="a list as value",
        ),
        pytest.param(
            "spec:\n  conditions:\n  - {key: a, operator: Change, values: b}\n",
            7,
            "spec.conditions[0].values is not known; there are key, operator, value",
            id="a misspelt field of a condition",
        ),
        pytest.param(
            "spec:\n  selectors: {}\n",
            6,
            "spec.selectors is not known; there are condition_type",
            id="a misspelt field",
        ),
        pytest.param(
            "spec:\n  selector:\n    namespace: [a]\n",
            7,
            "spec.selector.namespace is not known",
            id="a misspelt field of a selector",
        ),
        pytest.param(
            "spec:\n  selector: {labels: {a: [b]}}\n",
            6,
            "spec.selector.labels.a must be a string",
            id="a list as label",
        ),
        pytest.param(
            "spec:\n  operations: [UPDATE, DELETE]\n",
            6,
            "spec.operations names UPDATE, DELETE; there are CREATE",
            id="an operation",
        ),
        pytest.param(
            "spec:\n  cooldown: soon\n", 6, "spec.cooldown: 'soon' is no duration; write numbers", id="a cooldown"
        ),
        pytest.param("spec:\n  wait: 30\n", 6, "spec.wait: '30' is no duration", id="a wait without unit"),
        pytest.param("spec:\n  autoscalers: sometimes\n", 6, "spec.autoscalers must be true or false", id="a flag"),
        pytest.param(
            "spec:\n  windows: [{cron: '@daily', duration: 1h}]\n",
            6,
            "windows[0].cron: '@daily' has 1 fields",
            id="a nickname as window",
        ),
        pytest.param(
            "spec:\n  windows: [{cron: 0 9 * * *, duration: 1x}]\n",
            6,
            "spec.windows[0].duration: '1x'",
            id="a window's duration",
        ),
        pytest.param(
            "spec:\n  windows: [{cron: 0 9 * * *}]\n", 6, "spec.windows[0].duration: ''", id="a window without duration"
        ),
        pytest.param(
            "spec:\n  windows: [{cron: 0 9 * * *, duration: 1h, time_zone: Mars}]\n",
            6,
            "'Mars' is no time zone",
            id="a window's zone",
        ),
        pytest.param(
            "spec:\n  windows: [{cron: 0 9 * * *, duration: 1h, zone: UTC}]\n",
            6,
            "spec.windows[0].zone is not known",
            id="a window's field",
        ),
    ],
)
def test_what_makes_a_policy_unusable_is_said_with_its_line(spec: str, line: int, said: str) -> None:
    found = problem(HEAD + spec)

    assert (line, True) == (found.line, said in found.message), found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param(
            "select", "{}", "litmuschaos.io/policy-select is no annotation of a policy; there are selector", id="a name"
        ),
        pytest.param(
            "selector", "{", "litmuschaos.io/policy-selector cannot be read: a value is missing here", id="no JSON"
        ),
        pytest.param("selector", "{names: [a]}", "litmuschaos.io/policy-selector.names is not known", id="a field"),
        pytest.param("selector", "prod", "policy-selector must be a mapping, found 'prod'", id="no mapping"),
        pytest.param("cooldown", "soon", "litmuschaos.io/policy-cooldown: 'soon' is no duration", id="a cooldown"),
    ],
)
def test_a_broken_annotation_is_said_with_its_line(name: str, value: str, said: str) -> None:
    found = problem(annotated(**{name: value}))

    assert (6, 5, True) == (found.line, found.column, said in found.message), found


def test_another_version_of_the_kind_is_a_problem() -> None:
    found = problem(HEAD.replace("/v1", "/v2") + SPEC)

    assert found == Problem(
        "EventTrackerPolicy has apiVersion 'eventtracker.litmuschaos.io/v2'; write eventtracker.litmuschaos.io/v1", 1, 1
    )


FIELDS: Final = st.sampled_from(
    re.findall(
        r"\w+",
        "condition_type conditions selector experiments operations cooldown windows wait autoscalers key operator "
        "value labels clusters cron duration time_zone",
    )
)


VALUES: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["Change", "EqualTo", "and", "CREATE", "1h", "0 9 * * *", "spec.a", "a[", "&a", "UTC"]),
        st.text("a.[]*&|(){}'@!-/", max_size=8),
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(FIELDS, below, max_size=4)),
    max_leaves=15,
)


@settings(max_examples=300, deadline=2000)
@given(VALUES, VALUES)
def test_any_spec_is_a_policy_or_a_problem(spec: object, annotation: object) -> None:
    metadata = {"name": "a", "annotations": {"litmuschaos.io/policy-selector": json.dumps(annotation)}}
    body = {"apiVersion": "eventtracker.litmuschaos.io/v1", "kind": "EventTrackerPolicy", "metadata": metadata}
    found = read_file("a.yaml", json.dumps(body | {"spec": spec}).encode())

    assert not isinstance(found, Manifest)
