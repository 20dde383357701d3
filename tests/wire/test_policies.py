from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.experiments import Manifest, Problem
from shared.model.policies import Condition, Policy, Selector
from shared.model.projects import Window
from shared.wire.documents import Document
from shared.wire.files import read_file
from shared.wire.policies import read_policy
from shared.wire.yaml import MAX_BYTES, read_yaml

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "policies"
HEAD: Final = "apiVersion: eventtracker.litmuschaos.io/v1\nkind: EventTrackerPolicy\nmetadata:\n  name: grown\n"
CONDITION: Final = '{"key": "spec.replicas", "operator": "Change"}'
SPEC: Final = f"spec:\n  conditions: [{CONDITION}]\n"


def read(text: str) -> Policy | Problem:
    document = read_yaml(text.encode())
    assert isinstance(document, Document), document
    return read_policy(document)


def policy(text: str) -> Policy:
    found = read(text)
    assert isinstance(found, Policy), found
    return found


def problem(text: str) -> Problem:
    found = read(text)
    assert isinstance(found, Problem), found
    return found


def annotated(**extras: str) -> str:
    lines = "".join(f"    litmuschaos.io/policy-{name}: {json.dumps(value)}\n" for name, value in extras.items())
    return f"{HEAD}  annotations:\n{lines}{SPEC}"


def test_policies_of_others_are_valid_where_they_stand_beside_the_repository() -> None:
    found = {path.name: read_file(path.name, path.read_bytes()) for path in SAMPLES.glob("eventtracker_*.y*ml")}

    assert {} == {name: one for name, one in found.items() if not isinstance(one, Policy) or one.problem}


def test_a_policy_of_litmus_needs_nothing_else() -> None:
    text = """spec:
  condition_type: or
  conditions:
    - key: spec.replicas
      operator: GreaterThan
      value: "2"
    - key: metadata.labels.app
      operator: Change
"""
    assert policy(HEAD + text) == Policy(
        name="grown",
        condition_type="or",
        conditions=(Condition("spec.replicas", "GreaterThan", "2"), Condition("metadata.labels.app", "Change")),
    )


EXTRAS: Final[dict[str, Any]] = {
    "selector": {
        "clusters": ["c1", "env=prod"],
        "namespaces": ["shop-*"],
        "kinds": ["Deployment"],
        "labels": {"t": "1"},
    },
    "experiments": ["a", "b"],
    "operations": ["CREATE", "UPDATE"],
    "cooldown": "1h30m",
    "windows": [{"cron": "0 9 * * 1-5", "duration": "8h", "time_zone": "Europe/Berlin"}],
    "wait": "20m",
    "autoscalers": True,
}
ALL: Final = Policy(
    name="grown",
    conditions=(Condition("spec.replicas", "Change"),),
    selector=Selector(("c1", "env=prod"), ("shop-*",), ("Deployment",), {"t": "1"}),
    experiments=("a", "b"),
    operations=("CREATE", "UPDATE"),
    autoscalers=True,
    cooldown="1h30m",
    windows=(Window("0 9 * * 1-5", "8h", "Europe/Berlin"),),
    wait="20m",
)


def test_what_goes_beyond_litmus_may_stand_in_spec() -> None:
    lines = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in EXTRAS.items())

    assert policy(HEAD + SPEC + lines) == ALL


def test_what_goes_beyond_litmus_may_stand_in_annotations_as_json() -> None:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in EXTRAS.items()}

    assert policy(annotated(**texts)) == ALL


def test_lists_in_annotations_may_have_commas_between_and_yaml_will_do() -> None:
    found = policy(
        annotated(
            experiments=" a, b,,a ",
            operations="CREATE",
            autoscalers="'true'",
            selector="clusters: c1, c2\nnamespaces: [7]\nlabels: {tier: 1.50}",
        )
    )

    assert (found.experiments, found.operations, found.autoscalers) == (("a", "b"), ("CREATE",), True)
    assert found.selector == Selector(("c1", "c2"), ("7",), (), {"tier": "1.5"})


def test_what_spec_says_wins_over_annotations() -> None:
    found = policy(annotated(cooldown="1h", wait="[", experiments="a") + "  cooldown: 2h\n  wait: 3m\n")

    assert (found.cooldown, found.wait, found.experiments) == ("2h", "3m", ("a",))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("3", "3", id="a number"),
        pytest.param("1.10", "1.10", id="a decimal, as it was written"),
        pytest.param("0644", "0644", id="an octal, as it was written"),
        pytest.param("true", "true", id="a boolean"),
        pytest.param('"3"', "3", id="text"),
        pytest.param("nginx:1.18", "nginx:1.18", id="an image"),
        pytest.param('""', "", id="empty text"),
    ],
)
def test_a_value_is_taken_as_it_is_written(written: str, expected: str) -> None:
    found = policy(f"{HEAD}spec:\n  conditions:\n    - {{key: a, operator: EqualTo, value: {written}}}\n")

    assert (Condition("a", "EqualTo", expected),) == found.conditions


@pytest.mark.parametrize(
    "key",
    [
        "spec.template.spec.containers[0].image",
        "spec.template.spec.containers[?name=='web'].image | [0]",
        'metadata.annotations.\\"example.com/build-id\\"',
        "length(spec.template.spec.containers)",
        "sort_by(spec.ports, &port)[0].port",
        "spec.ports[1:3]",
        "[spec.a, spec.b]",
        "@",
        "'literal'",
        ".".join("a" * 128),
    ],
)
def test_keys_of_bounded_cost_are_valid(key: str) -> None:
    assert read(f'{HEAD}spec:\n  conditions: [{{key: "{key}", operator: Change}}]\n').__class__ is Policy


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


def test_a_window_is_in_utc_unless_it_says_otherwise() -> None:
    found = policy(HEAD + "spec:\n  windows: [{cron: 0 9 * * *, duration: 1h}]\n")

    assert (Window("0 9 * * *", "1h", "UTC"),) == found.windows


def test_empty_extras_are_as_if_absent() -> None:
    found = policy(HEAD + SPEC + "  operations: []\n  experiments: ''\n  cooldown:\n")

    assert policy(HEAD + SPEC) == found


def test_another_version_of_the_kind_is_a_problem() -> None:
    found = problem(HEAD.replace("/v1", "/v2") + SPEC)

    assert found == Problem(
        "EventTrackerPolicy has apiVersion 'eventtracker.litmuschaos.io/v2'; write eventtracker.litmuschaos.io/v1", 1, 1
    )


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
