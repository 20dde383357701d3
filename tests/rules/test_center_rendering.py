"""What a ChaosCenter saves for an order."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.rules.center_rendering import ROOM, render_saved
from shared.rules.tickets import Ticket

TICKET = Ticket("o-1", "kill", labels={"workflow_id": "kill", "infra_id": "infra-1"})


def workflow(name: str = "kill", kind: str = "Workflow", **spec: Any) -> dict[str, Any]:
    body = {"entrypoint": "chaos", "templates": [{"name": "chaos"}]} | spec
    return {
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"workflowSpec": body} if kind == "CronWorkflow" else body,
    }


def test_a_workflow_keeps_its_name_and_bears_the_orders_mark() -> None:
    saved = render_saved(workflow(), TICKET)
    assert ("kill", "kill", "litmus") == (
        saved.id,
        saved.manifest["metadata"]["name"],
        saved.manifest["metadata"]["namespace"],
    )
    assert {
        "workflow_id": "kill",
        "infra_id": "infra-1",
        "litmuschaos.io/experiment": "kill",
        "litmuschaos.io/order": "o-1",
    } == saved.manifest["metadata"]["labels"]
    assert "litmus-gitops-exit" == saved.manifest["spec"]["onExit"]


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        pytest.param({"generateName": "kill-"}, "kill", id="a generated name"),
        pytest.param({"name": "x" * 60}, "x" * ROOM, id="too long for what is appended"),
        pytest.param({}, "chaos", id="none"),
    ],
)
def test_a_name_is_one_that_a_time_fits_behind(metadata: dict[str, str], name: str) -> None:
    saved = render_saved(workflow() | {"metadata": metadata}, TICKET)
    assert name == saved.manifest["metadata"]["name"]


def test_a_cron_workflow_runs_once_under_an_id_and_a_name_of_its_own() -> None:
    saved = render_saved(workflow("x" * 60, "CronWorkflow"), TICKET)
    assert ("kill-once", "Workflow", f"{'x' * (ROOM - 5)}-once") == (
        saved.id,
        saved.manifest["kind"],
        saved.manifest["metadata"]["name"],
    )


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        pytest.param({}, 3600.0, id="ours"),
        pytest.param({"activeDeadlineSeconds": 60}, 60.0, id="the manifest's"),
        pytest.param({"activeDeadlineSeconds": "{{workflow.parameters.x}}"}, 3600.0, id="one that cannot be known"),
    ],
)
def test_its_deadline_is_the_workflows(spec: dict[str, Any], seconds: float) -> None:
    assert seconds == render_saved(workflow(**spec), TICKET).deadline


@pytest.mark.parametrize("kind", ["ChaosEngine", "ChaosSchedule", None])
def test_what_a_chaoscenter_does_not_run_is_refused(kind: str | None) -> None:
    with pytest.raises(Invalid, match="runs no"):
        render_saved({"kind": kind, "spec": {}}, TICKET)
