import json
from typing import Any

import pytest
import yaml

from shared.errors import Invalid
from shared.services.subscriber.artifacts import embedded, labelled, parsed

LABELS = {"workflow_run_id": "{{workflow.uid}}", "litmuschaos.io/weight": "30"}
ADDED = '  labels:\n    workflow_run_id: "{{workflow.uid}}"\n    litmuschaos.io/weight: "30"\n'
ENGINE = """\
# kept: a comment
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata:
  namespace: {{workflow.parameters.adminModeNamespace}}
  labels:
    context: "{{workflow.parameters.adminModeNamespace}}_web"
    workflow_run_id: "{{ workflow.uid }}"
  generateName: web-pod-delete-   # kept too
spec:
  experiments:
    - name: pod-delete
      spec: {probe: [{name: alive, data: "{{inputs.parameters.x}}"}]}
"""


def test_an_engine_s_labels_are_added_and_every_other_byte_stays() -> None:
    expected = ENGINE.replace('    context: "{{', '    litmuschaos.io/weight: "30"\n    context: "{{').replace(
        '"{{ workflow.uid }}"', '"{{workflow.uid}}"'
    )
    assert expected == labelled(ENGINE, LABELS)


def engine(metadata: str) -> str:
    return f"kind: ChaosEngine\n{metadata}spec:\n  engineState: active\n"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param(
            "metadata:\n  name: x\n",
            f"metadata:\n{ADDED}  name: x\n",
            id="no labels",
        ),
        pytest.param(
            "metadata:\n    name: x\n    labels: {}\n",
            "metadata:\n    name: x\n    labels:\n"
            '      workflow_run_id: "{{workflow.uid}}"\n      litmuschaos.io/weight: "30"\n',
            id="empty labels",
        ),
        pytest.param(
            "metadata:\n  labels:\n  name: x\n",
            f"metadata:\n{ADDED}  name: x\n",
            id="labels without a value",
        ),
    ],
)
def test_labels_are_added_where_there_were_none(metadata: str, expected: str) -> None:
    assert engine(expected) == labelled(engine(metadata), LABELS)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"kind": "ChaosEngine", "metadata": {"name": "{{x}}", "labels": {"a": "1"}\n}\n}', id="JSON"),
        pytest.param("kind: ChaosEngine\nmetadata: {name: '{{x}}', labels: {a: '1'} }\n", id="flow style"),
        pytest.param("kind: ChaosEngine\nmetadata: {name: '{{x}}'}\n", id="flow style without labels"),
        pytest.param("kind: ChaosEngine\n", id="no metadata"),
        pytest.param("kind: ChaosEngine\nmetadata:\n", id="empty metadata"),
        pytest.param(
            "kind: ChaosEngine\nmetadata:\n  labels:\n    workflow_run_id: >-\n      folded\n      {{x}}\n    a: '1'\n",
            id="a label over several lines",
        ),
    ],
)
def test_what_cannot_be_changed_by_lines_is_written_anew_with_the_same_values(text: str) -> None:
    before, after = (
        yaml.safe_load(one.replace("{{", "<").replace("}}", ">")) for one in (text, labelled(text, LABELS))
    )
    wanted = {"workflow_run_id": "<workflow.uid>", "litmuschaos.io/weight": "30"}
    metadata = before.get("metadata") or {}
    metadata["labels"] = (metadata.get("labels") or {}) | wanted
    assert before | {"metadata": metadata} == after


def test_each_engine_of_several_documents_is_labelled_and_nothing_else() -> None:
    text = (
        "kind: Secret\nmetadata:\n  name: s\n---\n"
        + engine("metadata:\n  name: a\n")
        + "---\n"
        + engine("metadata:\n  name: b\n")
    )
    found = list(yaml.safe_load_all(labelled(text, {"x": "1"})))
    assert [None, {"x": "1"}, {"x": "1"}] == [one["metadata"].get("labels") for one in found]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind: ChaosExperiment\nmetadata:\n  name: x\n", id="another kind"),
        pytest.param("kind: ConfigMap\ndata:\n  note: about ChaosEngine\n", id="another kind that speaks of engines"),
        pytest.param("echo hello; exit 1", id="a script"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_engine_stays_as_it_is(text: str) -> None:
    assert text == labelled(text, LABELS)


def test_an_engine_that_cannot_be_read_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid, match="an embedded ChaosEngine cannot be read: line 2: "):
        labelled("kind: ChaosEngine\n\tbad: indent\n", LABELS)


def workflow(*texts: object) -> dict[str, Any]:
    artifacts = [{"name": "a", "raw": {"data": text}} for text in texts]
    parameters = [{"name": "adminModeNamespace", "value": "litmus"}, {"name": "count", "value": 3}, {"name": "unset"}]
    step = {"name": "given", "arguments": {"artifacts": artifacts}}
    return {"spec": {"arguments": {"parameters": parameters}, "templates": [{"name": "main", "steps": [[step]]}]}}


def test_embedded_objects_come_with_the_workflow_s_parameters_filled_in() -> None:
    found = embedded(workflow(ENGINE))
    assert ["litmus"] == [one["metadata"]["namespace"] for one in found]
    probe = found[0]["spec"]["experiments"][0]["spec"]["probe"][0]
    assert "{{inputs.parameters.x}}" == probe["data"]


def test_embedded_objects_of_a_cron_workflow_and_of_resource_templates_are_found() -> None:
    template = {
        "name": "t",
        "resource": {"action": "create", "manifest": "kind: ChaosEngine\nn: '{{workflow.parameters.count}}'"},
    }
    body = {"spec": {"workflowSpec": workflow()["spec"] | {"templates": [template]}}}
    assert [{"kind": "ChaosEngine", "n": "3"}] == embedded(body)


def test_texts_that_hold_no_objects_are_passed_over() -> None:
    assert [] == embedded(workflow("a: [", "just words", 5))
    assert [] == embedded({"spec": {"engineState": "active"}})


def test_a_manifest_is_read_or_refused_with_its_line() -> None:
    assert {"kind": "Workflow"} == parsed("kind: Workflow\n")
    with pytest.raises(Invalid, match="line 2: "):
        parsed("kind: Workflow\nkind: Workflow\n")
    with pytest.raises(Invalid, match="no mapping"):
        parsed(json.dumps([1]))
