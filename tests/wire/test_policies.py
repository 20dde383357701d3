from __future__ import annotations

import json
from typing import Any, Final

import pytest

from shared.model.policies import Condition, Policy, Selector
from shared.model.projects import Window
from tests.wire.policy_texts import HEAD, SPEC, annotated, read


def policy(text: str) -> Policy:
    found = read(text)
    assert isinstance(found, Policy), found
    return found


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


def test_a_window_is_in_utc_unless_it_says_otherwise() -> None:
    found = policy(HEAD + "spec:\n  windows: [{cron: 0 9 * * *, duration: 1h}]\n")

    assert (Window("0 9 * * *", "1h", "UTC"),) == found.windows


def test_empty_extras_are_as_if_absent() -> None:
    found = policy(HEAD + SPEC + "  operations: []\n  experiments: ''\n  cooldown:\n")

    assert policy(HEAD + SPEC) == found
