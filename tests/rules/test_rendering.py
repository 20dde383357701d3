import copy
from collections.abc import Mapping
from typing import Any

import pytest

from shared.errors import Invalid
from shared.rules.rendering import render_run, render_schedule
from shared.rules.tickets import Limits, Ticket, label_value, object_name

ORDER = "01KAN0RDER0000000000000000-0123456789ab"
LITMUS = {"workflow_id": "w1", "infra_id": "staging", "revision_id": "r7"}
TICKET = Ticket(ORDER, "w1", LITMUS, limits=Limits(image="kubectl:1"))
OWN = {"litmuschaos.io/experiment": "w1", "litmuschaos.io/order": ORDER}
INSTANCE = "workflows.argoproj.io/controller-instanceid"


def relabel(text: str, labels: Mapping[str, str]) -> str:
    return f"{text}+{labels['litmuschaos.io/weight']}"


def workflow(**spec: Any) -> dict[str, Any]:
    templates = [
        {"name": "main", "steps": [[{"name": "kill", "template": "kill"}]]},
        {
            "name": "kill",
            "metadata": {"labels": {"weight": "30"}},
            "inputs": {"artifacts": [{"name": "engine", "raw": {"data": "kill-engine"}}]},
            "container": {"image": "checker"},
        },
    ]
    metadata = {
        "name": "Shop Check",
        "namespace": "litmus",
        "labels": {"workflow_id": "old", "team": "shop", INSTANCE: "elsewhere"},
        "annotations": {"litmuschaos.io/run-on-push": "new"},
        "uid": "from-an-export",
        "creationTimestamp": None,
    }
    arguments = {"parameters": [{"name": "adminModeNamespace", "value": "litmus"}, {"name": "x", "value": "litmus"}]}
    body = {"entrypoint": "main", "arguments": arguments, "templates": templates} | spec
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": body, "status": {}}


def cron() -> dict[str, Any]:
    metadata = {"name": "nightly", "namespace": "litmus", "labels": {"team": "shop"}, "annotations": {"a": "1"}}
    given = {"labels": {"workflows.argoproj.io/cron-workflow": "nightly", "tier": "1"}, "annotations": {"b": "2"}}
    spec = {"schedule": "0 3 * * *", "workflowSpec": workflow()["spec"], "workflowMetadata": given | {"uid": "u"}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": metadata, "spec": spec}


def engine(kind: str = "ChaosEngine") -> dict[str, Any]:
    inner = {"engineState": "stop", "experiments": [{"name": "pod-network-corruption"}], "appinfo": {"appns": "shop"}}
    spec = inner if kind == "ChaosEngine" else {"schedule": {"now": True}, "engineTemplateSpec": inner}
    metadata = {"name": "nginx-" * 12, "labels": {"weight": "40"}, "annotations": {"probeRef": "[]"}}
    return {"apiVersion": "litmuschaos.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def test_a_workflow_runs_under_a_name_of_its_order_with_litmus_labels() -> None:
    rendered = render_run(workflow(), TICKET, relabel)
    expected = {
        "name": "shop-check-" + object_name("", ORDER).rpartition("-")[2],
        "namespace": "litmus",
        "labels": {"team": "shop", INSTANCE: "elsewhere"} | LITMUS | OWN,
        "annotations": {"litmuschaos.io/run-on-push": "new"},
    }
    assert expected == rendered.body["metadata"]
    assert ("argoproj.io/v1alpha1/workflows", "litmus", expected["name"]) == (
        rendered.resource,
        rendered.namespace,
        rendered.name,
    )
    assert {"apiVersion", "kind", "metadata", "spec"} == rendered.body.keys()


def test_rendering_leaves_the_manifest_as_it_was() -> None:
    manifest = workflow()
    before = copy.deepcopy(manifest)
    render_run(manifest, TICKET, relabel)
    assert before == manifest


def test_the_same_order_renders_the_same_object_and_another_order_another_name() -> None:
    first = render_run(workflow(), TICKET, relabel)
    assert first == render_run(workflow(), TICKET, relabel)
    assert first.name != render_run(workflow(), Ticket("other", "w1"), relabel).name


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param("infra-1", "infra-1", id="the controller's"),
        pytest.param("", None, id="none, where the controller has none"),
        pytest.param(None, "elsewhere", id="the manifest's, where no controller is known"),
    ],
)
def test_a_workflow_bears_the_instance_id_of_the_cluster_s_controller(instance: str | None, expected: object) -> None:
    rendered = render_run(workflow(), Ticket(ORDER, "w1", instance=instance), relabel)
    assert expected == rendered.body["metadata"]["labels"].get(INSTANCE)


def test_a_bound_controller_takes_the_workflow_and_its_parameter_into_its_namespace() -> None:
    rendered = render_run(workflow(), Ticket(ORDER, "w1", bound="chaos"), relabel)
    assert "chaos" == rendered.namespace == rendered.body["metadata"]["namespace"]
    expected = [{"name": "adminModeNamespace", "value": "chaos"}, {"name": "x", "value": "litmus"}]
    assert expected == rendered.body["spec"]["arguments"]["parameters"]
    engine_rendered = render_run(engine(), Ticket(ORDER, "w1", namespace="shop", bound="chaos"), relabel)
    assert "shop" == engine_rendered.namespace


def test_a_controller_bound_to_the_manifest_s_namespace_changes_nothing() -> None:
    free, bound = (render_run(workflow(), Ticket(ORDER, "w1", bound=place), relabel) for place in (None, "litmus"))
    assert free == bound


def test_a_workflow_without_parameters_can_be_moved() -> None:
    manifest = workflow()
    del manifest["spec"]["arguments"]
    assert "chaos" == render_run(manifest, Ticket(ORDER, "w1", bound="chaos"), relabel).namespace


def test_each_embedded_text_gets_the_weight_of_the_template_it_is_for() -> None:
    manifest = workflow()
    step = {"template": "kill", "arguments": {"artifacts": [{"name": "engine", "raw": {"data": "given"}}]}}
    by_argument = {"name": "by-argument", "steps": [[step]]}
    by_resource = {"name": "by-resource", "resource": {"action": "create", "manifest": "made"}}
    other = {"name": "other", "inputs": {"artifacts": [{"raw": {"data": 5}}, {"s3": {"key": "x"}}]}}
    manifest["spec"]["templates"] += [by_argument, by_resource, other]
    templates = {one["name"]: one for one in render_run(manifest, TICKET, relabel).body["spec"]["templates"]}
    assert "kill-engine+30" == templates["kill"]["inputs"]["artifacts"][0]["raw"]["data"]
    assert "given+30" == templates["by-argument"]["steps"][0][0]["arguments"]["artifacts"][0]["raw"]["data"]
    assert "made+10" == templates["by-resource"]["resource"]["manifest"]
    assert other == templates["other"]


def test_an_embedded_engine_is_told_its_run_its_step_its_weight_and_its_order() -> None:
    seen: list[Mapping[str, str]] = []

    def remember(text: str, labels: Mapping[str, str]) -> str:
        seen.append(dict(labels))
        return text

    render_run(workflow(), TICKET, remember)
    names = {"workflow_run_id": "{{workflow.uid}}", "step_pod_name": "{{pod.name}}", "litmuschaos.io/weight": "30"}
    assert [names | OWN] == seen


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ({"secondsAfterCompletion": 86_400}, 3_600), id="the defaults"),
        pytest.param(
            {"ttlStrategy": {"secondsAfterSuccess": 0, "secondsAfterFailure": 7_200}, "activeDeadlineSeconds": 60},
            ({"secondsAfterSuccess": 600, "secondsAfterFailure": 7_200}, 60),
            id="the manifest's own, but kept long enough to be seen",
        ),
    ],
)
def test_a_run_is_bounded_in_time(given: dict[str, Any], expected: tuple[object, object]) -> None:
    spec = render_run(workflow(**given), TICKET, relabel).body["spec"]
    assert expected == (spec["ttlStrategy"], spec["activeDeadlineSeconds"])


STOP = [
    {"name": "stop-engines", "template": "litmus-gitops-stop-engines", "continueOn": {"failed": True, "error": True}}
]


@pytest.mark.parametrize(
    ("given", "then", "hooks"),
    [
        pytest.param({}, [], None, id="none"),
        pytest.param({"onExit": "mine"}, [[{"name": "exit", "template": "mine"}]], None, id="onExit"),
        pytest.param(
            {"hooks": {"exit": {"templateRef": {"name": "t"}}, "running": {"template": "r"}}},
            [[{"name": "exit", "templateRef": {"name": "t"}}]],
            {"running": {"template": "r"}},
            id="an exit hook",
        ),
    ],
)
def test_at_its_exit_a_workflow_stops_its_engines_before_what_it_had_to_do(
    given: dict[str, Any], then: list[object], hooks: object
) -> None:
    spec = render_run(workflow(**given), TICKET, relabel).body["spec"]
    templates = {one["name"]: one for one in spec["templates"]}
    assert [STOP, *then] == templates[spec["onExit"]]["steps"]
    assert hooks == spec.get("hooks")
    stop = templates["litmus-gitops-stop-engines"]["container"]
    assert "kubectl:1" == stop["image"]
    assert "-l workflow_run_id={{workflow.uid}} " in stop["args"][0]


def test_a_workflow_of_a_template_elsewhere_keeps_it() -> None:
    manifest = workflow(workflowTemplateRef={"name": "shared"})
    del manifest["spec"]["templates"]
    spec = render_run(manifest, TICKET, relabel).body["spec"]
    assert (False, False) == ("onExit" in spec, "templates" in spec)


def test_a_triggered_cron_workflow_runs_as_a_workflow_that_belongs_to_no_schedule() -> None:
    rendered = render_run(cron(), TICKET, relabel)
    assert "Workflow" == rendered.body["kind"]
    assert "argoproj.io/v1alpha1/workflows" == rendered.resource
    assert {"team": "shop", "tier": "1"} | LITMUS | OWN == rendered.body["metadata"]["labels"]
    assert {"b": "2"} == rendered.body["metadata"]["annotations"]
    assert rendered.name.startswith("nightly-")
    assert "main" == rendered.body["spec"]["entrypoint"]


def test_a_chaos_engine_is_created_active_under_a_name_that_leaves_room_for_its_results() -> None:
    rendered = render_run(engine(), TICKET, relabel)
    assert "active" == rendered.body["spec"]["engineState"]
    assert {"weight": "40", "type": "standalone_workflow"} | LITMUS | OWN == rendered.body["metadata"]["labels"]
    assert {"probeRef": "[]"} == rendered.body["metadata"]["annotations"]
    assert 63 == len(f"{rendered.name}-pod-network-corruption")


def test_a_triggered_chaos_schedule_runs_its_engine_once() -> None:
    rendered = render_run(engine("ChaosSchedule"), TICKET, relabel)
    assert "ChaosEngine" == rendered.body["kind"]
    assert {"appns": "shop"} == rendered.body["spec"]["appinfo"]
    assert "active" == rendered.body["spec"]["engineState"]


def test_an_engine_without_experiments_is_rendered_for_the_api_server_to_refuse() -> None:
    manifest = {"kind": "ChaosEngine", "spec": {"appinfo": {}}}
    rendered = render_run(manifest, TICKET, relabel)
    assert rendered.name.startswith("chaos-")
    assert "litmus" == rendered.namespace


def test_a_cron_workflow_is_installed_under_its_own_name_for_the_cluster_s_controller() -> None:
    ticket = Ticket(ORDER, "w1", LITMUS, instance="infra-1")
    rendered = render_schedule(cron(), ticket, relabel)
    spec = rendered.body["spec"]
    own = {"litmuschaos.io/experiment": "w1", INSTANCE: "infra-1"}
    assert ("nightly", "litmus", "argoproj.io/v1alpha1/cronworkflows") == (
        rendered.name,
        rendered.namespace,
        rendered.resource,
    )
    assert {"team": "shop"} | LITMUS | own == rendered.body["metadata"]["labels"]
    cron_label = {"workflows.argoproj.io/cron-workflow": "nightly"}
    expected = {"labels": cron_label | {"tier": "1"} | LITMUS | own, "annotations": {"b": "2"}}
    assert expected == spec["workflowMetadata"]
    assert "litmus-gitops-exit" == spec["workflowSpec"]["onExit"]
    assert "suspend" not in spec


def test_a_schedule_without_metadata_for_its_workflows_gets_labels_for_them() -> None:
    manifest = cron()
    del manifest["spec"]["workflowMetadata"]
    manifest["metadata"] = {"generateName": "nightly-"}
    rendered = render_schedule(manifest, TICKET, relabel)
    assert {"labels": LITMUS | {"litmuschaos.io/experiment": "w1"}} == rendered.body["spec"]["workflowMetadata"]
    assert rendered.name == render_schedule(manifest, Ticket("other", "w1"), relabel).name


def test_a_frozen_schedule_is_installed_suspended() -> None:
    ticket = Ticket(ORDER, "w1", suspend=True)
    assert render_schedule(cron(), ticket, relabel).body["spec"]["suspend"] is True
    halted = render_schedule(engine("ChaosSchedule"), ticket, relabel).body["spec"]
    assert ("halt", {"now": True}) == (halted["scheduleState"], halted["schedule"])


def test_a_chaos_schedule_is_installed_as_it_is() -> None:
    rendered = render_schedule(engine("ChaosSchedule"), TICKET, relabel)
    assert engine("ChaosSchedule")["spec"] == rendered.body["spec"]
    assert "litmuschaos.io/order" not in rendered.body["metadata"]["labels"]


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        pytest.param({"kind": "Pod", "spec": {}}, "a Pod cannot be run: use one of Workflow, ", id="another kind"),
        pytest.param({"kind": "Workflow"}, "the manifest has no spec", id="no spec"),
        pytest.param({"kind": "CronWorkflow", "spec": 5}, "the manifest has no spec", id="a spec that is a number"),
        pytest.param({"kind": "CronWorkflow", "spec": {}}, "no spec.workflowSpec", id="a schedule of nothing"),
    ],
)
def test_what_cannot_run_is_refused_in_words(manifest: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        render_run(manifest, TICKET, relabel)


def test_what_is_no_schedule_is_not_installed() -> None:
    with pytest.raises(Invalid, match="a Workflow is not installed: only CronWorkflow and ChaosSchedule are"):
        render_schedule(workflow(), TICKET, relabel)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(ORDER, ORDER, id="an order id"),
        pytest.param("a", "a", id="one letter"),
        pytest.param("a/b", label_value("a/b"), id="a slash"),
        pytest.param("x" * 64, label_value("x" * 64), id="too long"),
        pytest.param("-x", label_value("-x"), id="a dash in front"),
    ],
)
def test_a_label_value_is_the_text_or_its_hash(text: str, expected: str) -> None:
    assert expected == label_value(text)
    assert len(label_value(text)) <= 63


def test_texts_that_no_label_can_hold_have_different_hashes() -> None:
    assert label_value("a/b") != label_value("a/c")


@pytest.mark.parametrize(
    ("stem", "reserve", "start", "length"),
    [
        pytest.param("web", 0, "web-", 16, id="short"),
        pytest.param("Ünï_Köde..Name", 0, "n-k-de-name-", 24, id="characters that no name may have"),
        pytest.param("x" * 80, 0, "xxx", 63, id="long"),
        pytest.param("x" * 80, 20, "xxx", 43, id="long, with room left for a suffix"),
        pytest.param("x" * 80, 62, "x-", 14, id="no room at all"),
        pytest.param("abc-" * 20, 14, "abc-", 48, id="cut at a dash"),
        pytest.param("", 0, "chaos-", 18, id="nothing"),
    ],
)
def test_a_name_is_a_dns_label(stem: str, reserve: int, start: str, length: int) -> None:
    name = object_name(stem, ORDER, reserve)
    assert name.startswith(start)
    assert length == len(name)
    assert name.replace("-", "").isalnum()
    assert "--" not in name
