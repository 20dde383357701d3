from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent, indent
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.experiments import Fault, Manifest, Problem
from shared.wire.documents import Document
from shared.wire.files import read_file
from shared.wire.manifests import read_manifest
from shared.wire.yaml import read_yaml

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "manifests"
REFUSED: Final = "mock-wrong_type.yaml"

WORKFLOW: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: kill-a-pod
  namespace: litmus
  labels:
    workflow_id: 7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10
    infra_id: c1
spec:
  entrypoint: main
  arguments:
    parameters:
      - name: target
        value: shop
      - name: copies
        value: 1.50
      - name: asked
  templates:
    - name: main
      steps:
        - - name: kill
            template: kill
    - name: kill
      metadata:
        labels:
          weight: "7"
      inputs:
        artifacts:
          - name: engine
            path: /tmp/engine.yaml
            raw:
              data: |
@@
"""
ENGINE: Final = """\
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  generateName: kill
  namespace: "{{workflow.parameters.target}}"
spec:
  appinfo: {appns: "{{workflow.parameters.target}}", applabel: app=web, appkind: deployment}
  engineState: active
  chaosServiceAccount: litmus-admin
  experiments:
    - name: pod-delete
      spec:
        probe:
          - name: answers
"""
CRON: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: 30 2 * * 1-5
  timezone: Europe/Berlin
  workflowSpec:
    entrypoint: main
    templates: [{name: main, container: {image: busybox}}]
"""
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


def read(text: str) -> Manifest | Problem:
    document = read_yaml(text.encode())
    assert isinstance(document, Document), document
    return read_manifest(document)


def manifest(text: str) -> Manifest:
    found = read(text)
    assert isinstance(found, Manifest), found
    return found


def problem(text: str) -> Problem:
    found = read(text)
    assert isinstance(found, Problem), found
    return found


def workflow(engine: str = ENGINE) -> str:
    return WORKFLOW.replace("@@", indent(dedent(engine), " " * 16))


def swapped(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def messages(found: Manifest) -> list[str]:
    return [warning.message for warning in found.warnings]


def test_manifests_of_others_are_valid_where_they_stand_beside_the_repository() -> None:
    found = {path.name: read_file(path.name, path.read_bytes()) for path in SAMPLES.glob("*.y*ml")}

    assert {} == {name: one for name, one in found.items() if isinstance(one, Problem) and name != REFUSED}
    assert all(isinstance(one, Problem) for name, one in found.items() if name == REFUSED)


def test_a_workflow_says_who_it_is_and_what_it_breaks() -> None:
    assert manifest(workflow()) == Manifest(
        kind="Workflow",
        name="kill-a-pod",
        namespace="litmus",
        workflow_id="7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10",
        infra_id="c1",
        labels={"workflow_id": "7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10", "infra_id": "c1"},
        faults=(
            Fault(
                name="pod-delete",
                namespace="shop",
                kind="deployment",
                label="app=web",
                service_account="litmus-admin",
                weight=7,
                probes=("answers",),
            ),
        ),
    )


def test_a_cron_workflow_may_bear_its_ids_on_what_it_makes() -> None:
    made = "  workflowMetadata: {labels: {workflow_id: nightly-1, infra_id: c2}}\n"

    found = manifest(CRON + made)

    assert ("CronWorkflow", "nightly", "nightly-1", "c2") == (
        found.kind,
        found.name,
        found.workflow_id,
        found.infra_id,
    )


def test_a_cron_workflow_with_two_ids_is_known_by_its_own() -> None:
    own = swapped(CRON, "{name: nightly}", "{name: nightly, labels: {workflow_id: own}}")
    found = manifest(own + "  workflowMetadata: {labels: {workflow_id: made}}\n")

    assert (
        found.workflow_id,
        [Problem("another workflow_id than in metadata.labels, which is the one that counts", 10, 31)],
    ) == ("own", list(found.warnings))


def test_an_engine_alone_has_the_weight_of_its_own_label() -> None:
    text = swapped(ENGINE, "  generateName: kill\n", "  generateName: kill-\n  labels: {weight: '4'}\n")
    found = manifest(text.replace("{{workflow.parameters.target}}", "shop"))

    assert ("ChaosEngine", "kill-", "shop", 4) == (
        found.kind,
        found.name,
        found.faults[0].namespace,
        found.faults[0].weight,
    )


def test_a_schedule_has_the_faults_of_the_engine_that_it_makes() -> None:
    assert manifest(SCHEDULE).faults == (Fault(name="pod-delete", namespace="shop", weight=3),)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "said"),
    [
        pytest.param("kind: Workflow\n", "", 1, 1, "kind is missing; supported are Workflow", id="no kind"),
        pytest.param("kind: Workflow", "kind: 3", 2, 1, "kind must be a string, found 3", id="a number as kind"),
        pytest.param(
            "kind: Workflow", "kind: Pod", 2, 1, "argoproj.io/v1alpha1 Pod is no experiment", id="another kind"
        ),
        pytest.param(
            "v1alpha1", "v1", 1, 1, "Workflow has apiVersion 'argoproj.io/v1'; write argo", id="another version"
        ),
        pytest.param("apiVersion: argoproj.io/v1alpha1\n", "", 1, 1, "Workflow has apiVersion ''", id="no version"),
        pytest.param("  name: kill-a-pod\n", "", 3, 1, "metadata has no name; give it", id="no name"),
        pytest.param(
            "name: kill-a-pod", "name: Kill_a_pod", 4, 3, "metadata.name is 'Kill_a_pod'; use", id="a bad name"
        ),
        pytest.param("name: kill-a-pod", "name: " + "a" * 254, 4, 3, "at most 253", id="a long name"),
        pytest.param("name: kill-a-pod", "name: a..b", 4, 3, "metadata.name is 'a..b'", id="an empty part of a name"),
        pytest.param("name: kill-a-pod", "name: 12", 4, 3, "found 12; put it in quotes", id="a number as name"),
        pytest.param("name: kill-a-pod", "generateName: -a", 4, 3, "generateName is '-a'", id="a bad prefix"),
        pytest.param("namespace: litmus", "namespace: a.b", 5, 3, "metadata.namespace is 'a.b'", id="a bad namespace"),
        pytest.param("namespace: litmus", "namespace: " + "a" * 64, 5, 3, "at most 63", id="a long namespace"),
        pytest.param("infra_id: c1", "infra_id: 1", 8, 5, "must be a string, found 1; put it", id="a number as label"),
        pytest.param("workflow_id: 7c1f", "workflow_id: a/7c1f", 7, 5, "workflow_id is 'a/7c1f6f2e", id="a bad id"),
        pytest.param(
            "  labels:\n    workflow_id",
            "  labels: [x]\n  labels2:\n    workflow_id",
            6,
            3,
            "must be a mapping, found a list",
            id="labels as list",
        ),
        pytest.param("  entrypoint: main\n", "", 9, 1, "spec has no entrypoint", id="no entrypoint"),
        pytest.param(
            "entrypoint: main",
            "entrypoint: mian",
            10,
            3,
            "spec.entrypoint calls 'mian', which is no template here; there are kill, main",
            id="a lost entrypoint",
        ),
        pytest.param(
            "    - name: main\n",
            "    - nam: main\n",
            19,
            7,
            "spec.templates[0] has no name",
            id="a template without name",
        ),
        pytest.param(
            "    - name: main\n",
            "    - name: kill\n",
            23,
            7,
            "a template named 'kill' stands above already",
            id="two templates of one name",
        ),
        pytest.param(
            "template: kill",
            "template: kil",
            22,
            13,
            "spec.templates[0].steps[0][0].template calls 'kil'",
            id="a lost step",
        ),
        pytest.param(
            "            template: kill\n",
            "",
            21,
            13,
            "steps[0][0] calls no template; give it",
            id="a step without template",
        ),
        pytest.param(
            "- - name: kill",
            "  - name: kill",
            21,
            13,
            "spec.templates[0].steps[0] must be a list, found a mapping",
            id="steps without groups",
        ),
        pytest.param(
            "      steps:\n",
            "      steps: 3\n      x:\n",
            20,
            7,
            "steps must be a list, found 3",
            id="steps that are no list",
        ),
    ],
)
def test_what_breaks_a_workflow_is_said_with_its_place(old: str, new: str, line: int, column: int, said: str) -> None:
    found = problem(swapped(workflow(), old, new))

    assert (line, column) == (found.line, found.column), found
    assert said in found.message


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("- a\n", 1, "this is no Kubernetes object", id="a list"),
        pytest.param(
            "kind: ChaosEngine\napiVersion: litmuschaos.io/v1alpha1\nmetadata: {name: a}\n",
            1,
            "spec is missing",
            id="no spec",
        ),
        pytest.param(
            "kind: ChaosEngine\napiVersion: litmuschaos.io/v1alpha1\nmetadata: {name: a}\nspec: 3\n",
            4,
            "spec must be a mapping, found 3",
            id="a number as spec",
        ),
        pytest.param(
            "kind: ChaosEngine\napiVersion: litmuschaos.io/v1alpha1\nspec: {a: b}\n",
            1,
            "metadata has no name",
            id="no metadata",
        ),
        pytest.param(
            "kind: Workflow\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec: {entrypoint: a}\n",
            4,
            "spec has no templates",
            id="no templates",
        ),
    ],
)
def test_what_is_no_manifest_is_said_with_its_line(text: str, line: int, said: str) -> None:
    found = problem(text)

    assert line == found.line
    assert said in found.message


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param("dag: {tasks: [{name: a, template: b}, {name: c, template: b, dependencies: [a]}]}", id="a DAG"),
        pytest.param("steps: [[{name: a, templateRef: {name: x, template: y}}]]", id="a template elsewhere"),
        pytest.param("steps: [[{name: a, inline: {container: {image: b}}}]]", id="a template on the spot"),
        pytest.param("steps: [[{name: a, template: '{{item}}', withItems: [b]}]]", id="a template by item"),
        pytest.param("steps: [[]]", id="an empty group"),
        pytest.param("steps: null", id="no steps"),
    ],
)
def test_templates_may_be_called_in_these_ways(calls: str) -> None:
    text = swapped(
        CRON, "templates: [{name: main, container: {image: busybox}}]", "templates: [{name: main, @}, {name: b}]"
    )

    assert manifest(text.replace("@", calls)).warnings == ()


def test_a_task_that_waits_for_none_is_a_problem() -> None:
    tasks = "dag: {tasks: [{name: a, template: main, dependencies: [b]}]}"
    found = problem(swapped(CRON, "container: {image: busybox}", tasks))

    assert "dependencies[0] waits for 'b', which is no task here" in found.message


def test_a_workflow_of_a_template_elsewhere_needs_none_here() -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n"

    assert manifest(head + "spec: {workflowTemplateRef: {name: b}}\n").faults == ()


@pytest.mark.parametrize(("name", "expected"), [("main", []), ("{{workflow.parameters.x}}", []), ("gone", ["gone"])])
def test_an_exit_handler_that_is_no_template_is_a_doubt(name: str, expected: list[str]) -> None:
    found = manifest(swapped(CRON, "    entrypoint: main", f"    onExit: '{name}'\n    entrypoint: main"))

    assert [
        f"spec.workflowSpec.onExit calls {name!r}, which is no template here; Argo will refuse it" for name in expected
    ] == messages(found)


@pytest.mark.parametrize(
    "when",
    [
        "schedule: '@daily'",
        "schedule: '@every 1h30m'",
        "schedule: '*/15 0-6,22 ? JAN-mar sun'",
        "schedule: CRON_TZ=Asia/Tokyo 0 9 * * *",
        "schedule: TZ=UTC @hourly",
        "schedules: ['0 0 1 1 *', '5/10 * * * *']",
        "timezone: Local\n  schedule: 0 0 * * 0",
        "timezone: ''\n  schedule: 0 0 * * 6",
    ],
)
def test_schedules_that_argo_reads_are_valid(when: str) -> None:
    text = swapped(CRON, "schedule: 30 2 * * 1-5\n  timezone: Europe/Berlin", when)

    assert manifest(text).kind == "CronWorkflow"


@pytest.mark.parametrize(
    ("when", "said"),
    [
        pytest.param("x: y", "spec has no schedule; give it", id="none"),
        pytest.param(
            "schedule: 61 * * * *", "spec.schedule: '61' is no minute of a cron expression (0 to 59)", id="no minute"
        ),
        pytest.param("schedule: 0 0 0 * *", "'0' is no day", id="no day"),
        pytest.param("schedule: 0 0 * 13 *", "'13' is no month", id="no month"),
        pytest.param("schedule: 0 0 * * 7", "'7' is no weekday", id="no weekday"),
        pytest.param("schedule: 0 0 * * 5-2", "'5-2' is no weekday", id="backwards"),
        pytest.param("schedule: 0 0 * may mon-", "'mon-' is no weekday", id="half a range"),
        pytest.param("schedule: 0 0 * * someday", "'someday' is no weekday", id="no name"),
        pytest.param("schedule: 0 mon * * *", "'mon' is no hour", id="a name out of place"),
        pytest.param("schedule: '*/0 * * * *'", "'*/0' is no minute", id="a step of nothing"),
        pytest.param("schedule: 100 * * * *", "'100' is no minute", id="three digits"),
        pytest.param("schedule: 0 0 * *", "has 4 fields; write minute", id="four fields"),
        pytest.param("schedule: 0 0 0 * * *", "has 6 fields", id="six fields"),
        pytest.param("schedule: '@never'", "has 1 fields", id="no nickname"),
        pytest.param("schedule: '@every day'", "'day' is no duration", id="no duration"),
        pytest.param("schedule: TZ=Mars/Base 0 0 * * *", "'Mars/Base' is no time zone", id="no zone"),
        pytest.param(
            "schedule: 0 0 * * *\n  timezone: Berlin", "spec.timezone: 'Berlin' is no time zone", id="no timezone"
        ),
        pytest.param("schedule: 0 0 * * *\n  timezone: ../etc/passwd", "is no time zone", id="a path as timezone"),
        pytest.param("schedule: 0 0 * * *\n  timezone: America", "is no time zone", id="a folder as timezone"),
        pytest.param("schedules: [0 0 * * *, 0 0 * *]", "spec.schedules[1]: ", id="one of several"),
    ],
)
def test_schedules_that_argo_refuses_are_problems(when: str, said: str) -> None:
    found = problem(swapped(CRON, "schedule: 30 2 * * 1-5\n  timezone: Europe/Berlin", when))

    assert said in found.message


def test_a_cron_workflow_without_a_workflow_is_a_problem() -> None:
    assert "spec has no workflowSpec" in problem(CRON.partition("  workflowSpec")[0]).message


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
    assert manifest(swapped(SCHEDULE, "{now: true}", when)).kind == "ChaosSchedule"


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
    assert [(32, 15)] == [(warning.line, warning.column) for warning in found.warnings]
    assert "line 3 of the embedded object: a value is missing here" in messages(found)[0]


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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("labels: {team: 'a b'}", "the label team is 'a b', which Kubernetes refuses", id="a label"),
        pytest.param(f"labels: {{team: {'a' * 64}}}", "which Kubernetes refuses", id="a long label"),
        pytest.param("annotations: {litmuschaos.io/run-on-push: always}", "is 'always' and not heeded", id="a setting"),
    ],
)
def test_what_kubernetes_or_we_would_not_heed_is_a_doubt(line: str, said: str) -> None:
    found = manifest(swapped(CRON, "metadata: {name: nightly}", f"metadata:\n  name: nightly\n  {line}"))

    assert [5] == [warning.line for warning in found.warnings]
    assert said in messages(found)[0]


def test_labels_and_annotations_without_value_are_empty() -> None:
    text = swapped(CRON, "{name: nightly}", "{name: nightly, labels: {a: , workflow_id: }, annotations: }")
    found = manifest(text)

    assert ({"a": "", "workflow_id": ""}, {}, None) == (found.labels, found.annotations, found.workflow_id)


FIELDS: Final = re.findall(
    r"\w+",
    "metadata spec name labels annotations templates steps dag tasks template inline raw data entrypoint arguments "
    "parameters value experiments appinfo appns selectors workloads schedule workflowSpec engineTemplateSpec probeRef "
    "weight dependencies resource manifest onExit",
)


@settings(max_examples=200, deadline=2000)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("a-{}./ ", max_size=4)),
        lambda below: st.one_of(
            st.lists(below, max_size=3),
            st.dictionaries(
                st.sampled_from(FIELDS),
                below,
                max_size=4,
            ),
        ),
        max_leaves=25,
    ),
    st.sampled_from(["Workflow", "CronWorkflow", "ChaosEngine", "ChaosSchedule"]),
)
def test_any_object_is_a_manifest_or_a_problem(body: object, kind: str) -> None:
    version = "argoproj.io/v1alpha1" if "Workflow" in kind else "litmuschaos.io/v1alpha1"
    base = {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": body}
    document = read_yaml(json.dumps(base | (body if isinstance(body, dict) else {})).encode())

    assert isinstance(document, Document)
    assert isinstance(read_manifest(document), Manifest | Problem)
