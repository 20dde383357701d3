from __future__ import annotations

from typing import Final

import pytest

from shared.model.experiments import Fault, Problem
from tests.wire.manifest_texts import ENGINE, manifest, problem, swapped, workflow

SCHEDULE: Final = """\
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosSchedule
metadata: {name: soon, labels: {weight: "3"}}
spec:
  schedule: {now: true}
  engineTemplateSpec:
    appinfo: {appns: shop}
    experiments: [{name: pod-delete}]
"""


def test_a_schedule_has_the_faults_of_the_engine_that_it_makes() -> None:
    assert manifest(SCHEDULE).faults == (
        Fault(name="pod-delete", namespace="shop", weight=3, lines={"name": 8, "namespace": 7, "probes": 8}),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "engineState: active", "engineState: on", "spec.engineState is 'on'; write active or stop", id="a state"
        ),
        pytest.param(
            "    - name: pod-delete\n",
            "    - nome: pod-delete\n",
            "spec.experiments[0] has no name",
            id="a nameless fault",
        ),
        pytest.param(
            "  experiments:\n", "  experiments: []\n  others:\n", "spec names no experiments", id="an empty list"
        ),
        pytest.param(
            "  experiments:\n",
            "  experiments: pod-delete\n  others:\n",
            "spec.experiments must be a list, found 'pod-delete'",
            id="a word",
        ),
    ],
)
def test_an_engine_with_nothing_to_run_is_a_problem(old: str, new: str, said: str) -> None:
    text = ENGINE.replace("{{workflow.parameters.target}}", "shop")

    assert said in problem(swapped(text, old, new)).message


@pytest.mark.parametrize(
    ("when", "found"),
    [
        pytest.param("{now: false}", "none", id="not now"),
        pytest.param("{}", "none", id="never"),
        pytest.param("{now: true, once: {executionTime: '2026-01-01T00:00:00Z'}}", "now and once", id="twice"),
    ],
)
def test_a_schedule_needs_exactly_one_way(when: str, found: str) -> None:
    text = swapped(SCHEDULE, "{now: true}", when)

    assert problem(text) == Problem(
        f"spec.schedule must have exactly one of now: true, once and repeat, found {found}", 5, 3
    )


def test_a_schedule_without_an_engine_is_a_problem() -> None:
    text = SCHEDULE.partition("  engineTemplateSpec")[0]

    assert "spec.engineTemplateSpec names no experiments" in problem(text).message


@pytest.mark.parametrize("when", ["{once: {executionTime: '2026-01-01T00:00:00Z'}}", "{repeat: {properties: {}}}"])
def test_a_schedule_may_come_once_or_again_and_again(when: str) -> None:
    assert manifest(swapped(SCHEDULE, "{now: true}", when)).schedules == (when[1:].partition(":")[0],)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("spec:", "spec:", [11, 7, 11], id="name and namespace"),
        pytest.param(
            "  generateName: kill",
            '  generateName: kill\n  annotations:\n    probeRef: \'[{"name": "up"}]\'',
            [13, 9, 6],
            id="a probe that is named elsewhere",
        ),
        pytest.param(
            '  appinfo: {appns: "shop", applabel: app=web, appkind: deployment}\n',
            "  selectors:\n    pods:\n      - namespace: shop\n",
            [13, 9, 13],
            id="a selector",
        ),
        pytest.param('appns: "shop", ', "", [11, 6, 11], id="no namespace at all"),
    ],
)
def test_a_fault_knows_its_lines(old: str, new: str, expected: list[int]) -> None:
    text = ENGINE.replace("{{workflow.parameters.target}}", "shop")

    assert expected == list(manifest(swapped(text, old, new)).faults[0].lines.values())


@pytest.mark.parametrize(
    ("weight", "expected", "doubts"),
    [
        pytest.param('"0"', 0, 0, id="nothing"),
        pytest.param("12", 12, 0, id="a number"),
        pytest.param('"1.5"', 10, 1, id="a fraction"),
        pytest.param('"-1"', 10, 1, id="less than nothing"),
        pytest.param("heavy", 10, 1, id="a word"),
        pytest.param("true", 10, 1, id="a boolean"),
        pytest.param("", 10, 0, id="none"),
    ],
)
def test_a_weight_is_a_whole_number_or_10(weight: str, expected: int, doubts: int) -> None:
    found = manifest(swapped(workflow(), 'weight: "7"', f"weight: {weight}"))

    assert (expected, doubts) == (found.faults[0].weight, len(found.warnings))


@pytest.mark.parametrize(
    ("refs", "unresolved", "doubts"),
    [
        pytest.param('[{"name":"answers","mode":"EOT"}]', (), 0, id="a probe that is there"),
        pytest.param('[{"name":"elsewhere"},{"name":"answers"}]', ("elsewhere",), 0, id="a probe that is not"),
        pytest.param("[]", (), 0, id="none"),
        pytest.param("", (), 0, id="nothing"),
        pytest.param('{"name":"answers"}', (), 1, id="no list"),
        pytest.param('[{"mode":"EOT"}]', (), 1, id="no name"),
        pytest.param('["answers"]', (), 1, id="no objects"),
        pytest.param("[", (), 1, id="no JSON"),
    ],
)
def test_a_probe_that_is_only_referred_to_is_unresolved(refs: str, unresolved: tuple[str, ...], doubts: int) -> None:
    text = swapped(ENGINE, "  generateName: kill\n", f"  generateName: kill\n  annotations: {{probeRef: '{refs}'}}\n")
    found = manifest(workflow(text))

    assert (unresolved, doubts) == (found.faults[0].unresolved_probes, len(found.warnings))


def test_selectors_name_the_targets_where_appinfo_does_not() -> None:
    selectors = """\
  selectors:
    workloads:
      - {kind: deployment, namespace: shop, labels: app=web}
      - {kind: statefulset, namespace: pay, names: db}
    pods:
      - {namespace: shop, names: a}
      - {namespace: "{{workflow.uid}}", names: b}
"""
    head, _, tail = ENGINE.partition("  appinfo")
    found = manifest(workflow(head + selectors + tail.partition("\n")[2]))

    assert (("shop", "pay"), "deployment", "app=web", 1) == (
        found.faults[0].namespaces,
        found.faults[0].kind,
        found.faults[0].label,
        len(found.warnings),
    )


def test_an_engine_without_target_names_no_namespace() -> None:
    head, _, tail = ENGINE.partition("  appinfo")

    assert manifest(workflow(head + tail.partition("\n")[2])).faults[0].namespaces == ()
