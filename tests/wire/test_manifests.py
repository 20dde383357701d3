from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.experiments import Fault, Manifest, Problem
from shared.wire.documents import Document
from shared.wire.files import read_file
from shared.wire.manifests import read_manifest
from shared.wire.yaml import read_yaml
from tests.wire.manifest_texts import CRON, ENGINE, manifest, messages, problem, swapped, workflow

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "manifests"
REFUSED: Final = "mock-wrong_type.yaml"


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
                lines={"name": 43, "namespace": 39, "probes": 43},
            ),
        ),
        lines={"workflow_id": 7, "infra_id": 8},
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
    ("line", "said"),
    [
        pytest.param("labels: {team: 'a b'}", "the label team is 'a b', which Kubernetes refuses", id="a label"),
        pytest.param(f"labels: {{team: {'a' * 64}}}", "which Kubernetes refuses", id="a long label"),
        pytest.param(
            "annotations: {litmuschaos.io/run-on-push: always}", "is 'always' and counts as never", id="a setting"
        ),
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


def test_labels_and_annotations_know_their_lines() -> None:
    text = swapped(workflow(), "    infra_id: c1\n", "  annotations:\n    litmuschaos.io/clusters: eu\n")
    found = manifest(swapped(text, "spec:\n", "spec:\n  workflowMetadata: {labels: {infra_id: c1}}\n"))

    assert {"workflow_id": 7, "infra_id": 11, "litmuschaos.io/clusters": 9} == found.lines
