from typing import Any

import pytest

from shared.rules.preflight import EXPERIMENTS, RESULTS, Facts, Finding, Needs, findings, healthy, needs

ENGINES = "litmuschaos.io/v1alpha1/chaosengines"
WORKFLOWS = "argoproj.io/v1alpha1/workflows"
CRON_WORKFLOWS = "argoproj.io/v1alpha1/cronworkflows"
SCHEDULES = "litmuschaos.io/v1alpha1/chaosschedules"
LITMUS = (ENGINES, EXPERIMENTS, RESULTS)


def body(kind: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", "namespace": "litmus"}, "spec": spec}


def engine(*faults: str, namespace: str | None = None, account: str = "chaos-sa") -> dict[str, Any]:
    metadata = {"namespace": namespace} if namespace else {}
    spec = {"chaosServiceAccount": account, "experiments": [{"name": fault} for fault in faults]}
    return {"kind": "ChaosEngine", "metadata": metadata, "spec": spec}


def experiment(name: str) -> dict[str, Any]:
    return {"kind": "ChaosExperiment", "metadata": {"name": name}}


def fetching(*args: str) -> dict[str, Any]:
    return body("Workflow", templates=[{"name": "main", "steps": []}, {"container": {"args": list(args)}}])


ACCOUNTS = frozenset({("litmus", "argo"), ("litmus", "chaos-sa")})
POD_DELETE = frozenset({("litmus", "pod-delete")})


@pytest.mark.parametrize(
    ("rendered", "embedded", "expected"),
    [
        pytest.param(
            body("Workflow", serviceAccountName="argo"),
            [engine("pod-delete")],
            Needs((WORKFLOWS, *LITMUS), workflows=True, service_accounts=ACCOUNTS, experiments=POD_DELETE),
            id="a workflow with an engine",
        ),
        pytest.param(
            body("Workflow", serviceAccountName="argo"),
            [engine("pod-delete"), experiment("pod-delete")],
            Needs((WORKFLOWS, *LITMUS), workflows=True, service_accounts=ACCOUNTS),
            id="a workflow that installs its faults",
        ),
        pytest.param(
            body("CronWorkflow", workflowSpec={"serviceAccountName": "argo"}),
            [engine("pod-delete", namespace="shop")],
            Needs(
                (CRON_WORKFLOWS, *LITMUS),
                workflows=True,
                service_accounts=frozenset({("litmus", "argo"), ("shop", "chaos-sa")}),
                experiments=frozenset({("shop", "pod-delete")}),
            ),
            id="a cron workflow whose engine goes elsewhere",
        ),
        pytest.param(
            body("Workflow"),
            [engine("{{inputs.parameters.fault}}", namespace="{{inputs.parameters.where}}"), {"kind": "Secret"}],
            Needs((WORKFLOWS, *LITMUS), workflows=True),
            id="names that only a run knows",
        ),
        pytest.param(
            engine("pod-delete", namespace="litmus"),
            [],
            Needs(
                LITMUS,
                workflows=False,
                service_accounts=frozenset({("litmus", "chaos-sa")}),
                experiments=POD_DELETE,
            ),
            id="a lone engine",
        ),
        pytest.param(
            body("ChaosSchedule", engineTemplateSpec=engine("pod-delete")["spec"]),
            [],
            Needs(
                (SCHEDULES, *LITMUS),
                workflows=False,
                service_accounts=frozenset({("litmus", "chaos-sa")}),
                experiments=POD_DELETE,
                schedules=True,
            ),
            id="a schedule of engines",
        ),
        pytest.param(
            fetching("kubectl apply -f /tmp/x.yaml -n litmus && curl https://hub"),
            [engine("pod-delete", account="")],
            Needs((WORKFLOWS, *LITMUS), workflows=True, experiments=POD_DELETE),
            id="a workflow that applies a file",
        ),
        pytest.param(
            fetching("kubectl apply -f", "https://hub.example/experiments.yaml -n litmus"),
            [engine("pod-delete", account="")],
            Needs((WORKFLOWS, *LITMUS), workflows=True),
            id="a workflow that fetches its faults",
        ),
        pytest.param(
            body("Workflow", templates=[{"container": {}}]),
            [{"kind": "ChaosEngine"}],
            Needs((WORKFLOWS, *LITMUS), workflows=True),
            id="an engine that says nothing",
        ),
    ],
)
def test_an_object_needs_what_it_names(
    rendered: dict[str, Any], embedded: list[dict[str, Any]], expected: Needs
) -> None:
    assert expected == needs(rendered, embedded)


ARGO = frozenset({("litmus", "argo")})
WORKFLOW = Needs((WORKFLOWS, *LITMUS), workflows=True, service_accounts=ARGO, experiments=POD_DELETE)
GOOD = Facts(
    served=frozenset({WORKFLOWS, *LITMUS}),
    operator=True,
    controller=True,
    service_accounts=frozenset({("litmus", "argo"), ("litmus", "default")}),
    experiments=POD_DELETE,
    nodes=(9, 10),
)
NO_CONTROLLER = Finding("controller", "no workflow controller is running: workflows would never start")


def facts(**changed: Any) -> Facts:
    return Facts(**({name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | changed))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(GOOD, [], id="all there"),
        pytest.param(Facts(GOOD.served), [], id="what may not be looked at is not missed"),
        pytest.param(
            facts(served=frozenset({WORKFLOWS, ENGINES, RESULTS})),
            [Finding("crds", f"the cluster does not serve {EXPERIMENTS}: install its CRD")],
            id="no CRD",
        ),
        pytest.param(
            facts(operator=False),
            [Finding("operator", "no chaos operator is running: engines would never start")],
            id="no operator",
        ),
        pytest.param(facts(controller=False), [NO_CONTROLLER], id="no workflow controller"),
        pytest.param(
            facts(service_accounts=frozenset()),
            [Finding("service-accounts", "there is no ServiceAccount litmus/argo")],
            id="no service account",
        ),
        pytest.param(
            facts(experiments=frozenset({("shop", "pod-delete")})),
            [Finding("experiments", "there is no ChaosExperiment litmus/pod-delete")],
            id="no experiment in that namespace",
        ),
        pytest.param(
            facts(nodes=(8, 10)),
            [Finding("nodes", "8 of 10 nodes are ready and schedulable: 90% must be")],
            id="too few nodes",
        ),
        pytest.param(
            facts(nodes=(0, 0)), [Finding("nodes", "0 of 0 nodes are ready and schedulable: 90% must be")], id="no node"
        ),
    ],
)
def test_what_is_missing_is_found_in_words(seen: Facts, expected: list[Finding]) -> None:
    assert expected == findings(WORKFLOW, seen)


def test_a_lone_engine_needs_no_workflow_controller() -> None:
    assert [] == findings(Needs(LITMUS, workflows=False), facts(controller=False))


def test_a_schedule_of_engines_needs_the_scheduler_that_litmus_no_longer_ships() -> None:
    needed = Needs(LITMUS, workflows=False, schedules=True)
    sentence = "no chaos scheduler is running (Litmus 3 ships none): nothing would ever be due"
    assert [Finding("controller", sentence)] == findings(needed, facts(scheduler=False))
    assert [] == findings(needed, facts(scheduler=True))


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param({"spec": {}, "status": {"conditions": [{"type": "DiskPressure"}, READY]}}, True, id="ready"),
        pytest.param({"status": {"conditions": [READY]}}, True, id="ready, without a spec"),
        pytest.param({"spec": {"unschedulable": True}, "status": {"conditions": [READY]}}, False, id="cordoned"),
        pytest.param({"status": {"conditions": [READY | {"status": "Unknown"}]}}, False, id="not heard of"),
        pytest.param({}, False, id="new"),
    ],
)
def test_a_node_is_healthy_when_it_is_ready_and_takes_pods(node: dict[str, Any], expected: bool) -> None:
    assert expected is healthy(node)
