from __future__ import annotations

import pytest

from tests.wire.manifest_texts import CRON, manifest, messages, problem, swapped, workflow


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


def test_a_cron_workflow_without_a_workflow_is_a_problem() -> None:
    assert "spec has no workflowSpec" in problem(CRON.partition("  workflowSpec")[0]).message
