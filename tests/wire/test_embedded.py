from __future__ import annotations

import pytest

from tests.wire.manifest_texts import ENGINE, manifest, messages, swapped, workflow


@pytest.mark.parametrize(
    ("placeholder", "expected"),
    [
        pytest.param("{{workflow.parameters.target}}", "shop", id="quoted or not, a parameter is filled in"),
        pytest.param("{{ workflow.parameters.target }}", "shop", id="with spaces"),
        pytest.param("shop-{{workflow.parameters.copies}}", "shop-1.50", id="a number as it was written"),
        pytest.param("{{workflow.parameters.asked}}", None, id="a parameter without value"),
        pytest.param("{{inputs.parameters.ns}}", None, id="what only a run knows"),
        pytest.param("{{=sprig.lower('X')}}", None, id="an expression"),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_placeholders_in_an_embedded_engine_are_kept_and_filled(
    placeholder: str, expected: str | None, quote: str
) -> None:
    text = ENGINE.replace('"{{workflow.parameters.target}}"', f"{quote}{placeholder}{quote}")
    found = manifest(workflow(text))

    assert expected == found.faults[0].namespace
    assert [f"line 7 of the embedded object: the namespace {placeholder} is known only to a run"] * (
        expected is None
    ) == messages(found)


def test_what_looks_like_our_stand_in_is_left_alone() -> None:
    text = swapped(ENGINE, "applabel: app=web", "applabel: 'app=\ue0009\ue001'")

    assert manifest(workflow(text)).faults[0].label == "app=\ue0009\ue001"


def test_an_embedded_text_that_is_no_yaml_is_a_doubt() -> None:
    found = manifest(workflow("kind: ChaosEngine\nspec: [\n"))

    assert found.faults == ()
    assert [(35, None)] == [(warning.line, warning.column) for warning in found.warnings]
    assert "line 3 of the embedded object: a value is missing here" in messages(found)[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("data: |", "data: |", [43, 39, 43], id="in a literal block, line for line"),
        pytest.param("data: |", "data: |2-  # kept", [43, 39, 43], id="with a header and a comment"),
        pytest.param("data: |", "data: >\n", [32, 32, 32], id="in a folded text, where it begins"),
    ],
)
def test_a_fault_of_an_embedded_engine_stands_on_the_files_own_line(old: str, new: str, expected: list[int]) -> None:
    text = workflow("\n".join(f"  {line}\n" if ">" in new else line for line in ENGINE.splitlines()))

    assert expected == list(manifest(swapped(text, old, new)).faults[0].lines.values())


def test_an_embedded_engine_that_runs_nothing_is_a_doubt() -> None:
    found = manifest(workflow("kind: ChaosEngine\nspec: {appinfo: {}}\n"))

    assert (found.faults, ["line 2 of the embedded object: spec names no experiments; list at least one fault"]) == (
        (),
        messages(found),
    )


def test_every_engine_of_an_embedded_text_counts_and_nothing_else() -> None:
    other = ENGINE.replace("pod-delete", "pod-cpu-hog")
    text = f"{ENGINE}---\nkind: ChaosExperiment\nspec: {{}}\n---\n- a list\n---\n{other}"

    assert ["pod-delete", "pod-cpu-hog"] == [fault.name for fault in manifest(workflow(text)).faults]


STEP = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a}
spec:
  entrypoint: main
  arguments:
    artifacts: [{name: x, raw: {data: 'ENGINE'}}]
  templates:
    - name: main
      metadata: {labels: {weight: 2}}
      steps:
        - - name: called
            template: run
            arguments: {artifacts: [{name: x, raw: {data: 'ENGINE'}}]}
          - name: weighed
            inline: {metadata: {labels: {weight: '5'}}, inputs: {artifacts: [{name: x, raw: {data: 'ENGINE'}}]}}
          - name: weightless
            inline: {inputs: {artifacts: [{name: x, raw: {data: 'ENGINE'}}]}}
          - name: away
            templateRef: {name: x, template: y}
            arguments: {artifacts: [{name: x, raw: {data: 3}}]}
    - name: run
      metadata: {labels: {weight: '9'}}
      dag: {tasks: [{name: t, template: make, arguments: {artifacts: [{name: x, raw: {data: 'ENGINE'}}]}}]}
    - name: make
      resource: {action: create, manifest: 'ENGINE'}
"""


def test_engines_are_found_wherever_argo_takes_a_text_with_the_weight_of_who_uses_them() -> None:
    text = STEP.replace("ENGINE", "{kind: ChaosEngine, spec: {experiments: [{name: pod-delete}]}}")

    assert [10, 9, 5, 2, 10, 10] == [fault.weight for fault in manifest(text).faults]
