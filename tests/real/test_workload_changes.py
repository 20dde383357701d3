"""What people do to workloads on a real API server, as our functions hear of it: by admission and by audit."""

from collections.abc import Iterator
from dataclasses import replace
from operator import methodcaller
from typing import Any
from uuid import uuid4

import pytest

from infra.demo import manifests
from infra.demo.certificates import make_certificates
from tests.real.heard import NAMESPACE, REVIEWS, Stage, heard
from tests.real.people import Person, Refused, Workload, of_pods
from tests.real.portals import LocalPortal, growth
from tests.real.receiver import Receiver
from tests.real.stories import (
    SOURCES,
    Act,
    Row,
    Story,
    apply_anew,
    ignored,
    ledger,
    move_the_status,
    patch_an_old_version,
    patch_nonsense,
    put_replicas,
    triggered,
)
from tests.real.waiting import eventually

GITOPS = "litmuschaos.io/gitops"
WATCHED = {GITOPS: "true", "litmuschaos.io/workflow": manifests.WORKFLOW_ID}
CHAOS = f"system:serviceaccount:{NAMESPACE}:{manifests.SERVICE_ACCOUNT}"
IMAGE, REPLICAS = "spec.template.spec.containers[0].image", "spec.replicas"
FORBIDDEN = "till:forbidden"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with heard(tmp_path_factory.mktemp("portal")) as both:
        yield both


@pytest.fixture
def portal(stage: Stage) -> LocalPortal:
    return stage[0]


@pytest.fixture
def admin(stage: Stage) -> Person:
    return Person(stage[1])


def workload(person: Person, kind: str = "Deployment", **more: Any) -> Workload:
    return Workload(person, kind, NAMESPACE, f"till-{uuid4().hex[:8]}", **{"annotations": WATCHED, **more})


ENV = of_pods({"containers": [{"name": "till", "image": "till:1", "env": [{"name": "CURRENCY", "value": "EUR"}]}]})
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
set_image = methodcaller("set_image", "till:2")
opt_out = methodcaller("annotate", **{GITOPS: "false"})
opt_in = methodcaller("annotate", **{GITOPS: "true"})


@pytest.mark.parametrize(
    ("kind", "acts"),
    [
        pytest.param("Deployment", [(set_image, triggered(IMAGE))], id="image"),
        pytest.param("StatefulSet", [(set_image, triggered(IMAGE))], id="image of a StatefulSet"),
        pytest.param("DaemonSet", [(set_image, triggered(IMAGE))], id="image of a DaemonSet"),
        pytest.param(
            "Deployment", [(methodcaller("patch", ENV), triggered("spec.template.spec.containers[0].env"))], id="env"
        ),
        pytest.param("Deployment", [(put_replicas, triggered(REPLICAS))], id="replicas"),
        pytest.param("Deployment", [(methodcaller("scale", 3), triggered(REPLICAS))], id="scale"),
        pytest.param("StatefulSet", [(methodcaller("scale", 3), triggered(REPLICAS))], id="scale of a StatefulSet"),
        pytest.param(
            "Deployment",
            [(methodcaller("patch", RESTART), triggered("spec.template.metadata.annotations"))],
            id="rollout restart",
        ),
        pytest.param("Deployment", [(methodcaller("annotate", team="a"), ignored("metadata only"))], id="annotation"),
        pytest.param(
            "Deployment",
            [(apply_anew, ignored("no change")), (apply_anew, ignored("no change"))],
            id="apply without change",
        ),
        pytest.param(
            "Deployment",
            [
                (opt_out, ignored("opt-out")),
                (set_image, ignored("not opted in")),
                (opt_in, ignored("opt-in")),
                (methodcaller("set_image", "till:3"), triggered(IMAGE)),
            ],
            id="out and in again",
        ),
        pytest.param(
            "Deployment",
            [(Workload.delete, ignored("deleted")), (methodcaller("create", "till:2"), triggered(IMAGE))],
            id="deleted and created anew",
        ),
        pytest.param(
            "Deployment",
            [(patch_an_old_version, None), (patch_nonsense, None), (move_the_status, None)],
            id="refused, or status alone",
        ),
    ],
)
def test_each_change_that_matters_triggers_once_and_every_other_has_its_reason(
    portal: LocalPortal, admin: Person, kind: str, acts: list[tuple[Act, Row | None]]
) -> None:
    story = Story(portal, workload(admin, kind))
    for act, row in acts:
        story.act(act, row)
    found = story.ended()
    assert story.expected == found


def test_dry_runs_are_counted_and_nothing_else(portal: LocalPortal, admin: Person) -> None:
    story = Story(portal, workload(admin))
    grown = growth(portal.metrics, REVIEWS, outcome="dry_run")
    story.act(methodcaller("set_image", "till:2", dryRun="All"), None)
    story.act(methodcaller("delete", {"dryRun": ["All"]}), None)
    eventually(lambda: grown() >= 4, "both clusters counted both dry runs")
    found = story.ended()
    assert story.expected == found
    assert 4 == grown()


def test_a_workload_that_is_not_annotated_is_counted_and_nothing_else(portal: LocalPortal, admin: Person) -> None:
    one = workload(admin, annotations={})
    grown = growth(portal.metrics, REVIEWS, outcome="not_annotated")
    one.create()
    one.set_image("till:2")
    one.delete()
    eventually(lambda: grown() >= 6, "both clusters counted all three")
    assert (6, []) == (grown(), portal.rows("/events", kind="change", workload=one.subject))


def test_a_deletion_in_the_foreground_is_told_once(portal: LocalPortal, admin: Person) -> None:
    story = Story(portal, workload(admin))
    grown = growth(portal.metrics, REVIEWS, outcome="repeat")
    story.act(methodcaller("delete", {"propagationPolicy": "Foreground"}), ignored("deleted"))
    story.act(methodcaller("patch", {"metadata": {"finalizers": None}}), None)
    eventually(lambda: grown() >= 2, "both clusters heard its finalizer go")
    story.act(methodcaller("create", "till:2"), triggered(IMAGE))
    found = story.ended()
    assert story.expected == found


def test_what_chaos_changes_triggers_nothing_while_its_run_is_open(
    portal: LocalPortal, admin: Person, stage: Stage
) -> None:
    story = Story(portal, workload(admin))
    chaos = replace(story.one, person=Person(stage[1], CHAOS))
    started = portal.call("POST", f"/experiments/{manifests.WORKFLOW_ID}/runs", {"clusters": list(SOURCES)})
    story.act(lambda _: chaos.scale(1), ignored("chaos actor"))
    for run in started["items"]:
        portal.call("POST", f"/runs/{run['id']}/stop")
    story.act(lambda _: chaos.scale(2), ignored("undone chaos"))
    story.act(lambda _: chaos.scale(4), triggered(REPLICAS))
    found = story.ended()
    assert story.expected == found


def test_what_an_autoscaler_scales_triggers_nothing(portal: LocalPortal, admin: Person, stage: Stage) -> None:
    story = Story(portal, workload(admin))
    autoscaler = Person(stage[1], "system:serviceaccount:kube-system:horizontal-pod-autoscaler")
    story.act(lambda one: replace(one, person=autoscaler).scale(4), ignored("autoscaler"))
    found = story.ended()
    assert story.expected == found


def deny(review: Any) -> dict[str, Any]:
    """Lets everything pass but the forbidden image."""
    images = [one["image"] for one in review["request"]["object"]["spec"]["template"]["spec"]["containers"]]
    response = {"uid": review["request"]["uid"], "allowed": FORBIDDEN not in images}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


@pytest.fixture
def guarded(admin: Person, tmp_path: Any) -> Iterator[dict[str, str]]:
    """The labels of workloads on which somebody else's webhook forbids an image."""
    labels = {"guarded": uuid4().hex[:8]}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    with Receiver(make_certificates(tmp_path), deny) as receiver:
        entry = {
            "name": "images.example.test",
            "clientConfig": {"url": receiver.url, "caBundle": receiver.ca_bundle},
            "rules": [rule],
            "objectSelector": {"matchLabels": labels},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        body = {"metadata": {"name": labels["guarded"]}, "webhooks": [entry]}
        admin.call("POST", path, body)
        yield labels
        admin.call("DELETE", f"{path}/{labels['guarded']}")


def is_denied(one: Workload, **query: str) -> bool:
    try:
        one.set_image(FORBIDDEN, **query)
    except Refused as refused:
        return "denied the request" in str(refused)
    return False


def test_a_change_that_another_webhook_denies_is_a_candidate_and_no_fact(
    portal: LocalPortal, admin: Person, guarded: dict[str, str]
) -> None:
    story = Story(portal, workload(admin, labels=guarded))
    eventually(lambda: is_denied(story.one, dryRun="All"), "the other webhook denies")
    story.act(is_denied, triggered(IMAGE), "reviewed")
    story.act(methodcaller("scale", 3), triggered(REPLICAS))
    found = story.ended()
    assert story.expected == found


def test_the_api_server_saw_every_review_answered_and_none_rejected(admin: Person) -> None:
    one = workload(admin)
    one.create()
    one.delete()
    ours = f'name="{manifests.webhook("", None)["webhooks"][0]["name"]}"'
    lines = [line for line in admin.text("/metrics").splitlines() if ours in line and "duration" not in line]
    assert lines
    assert all(line.startswith('apiserver_admission_webhook_request_total{code="200"') for line in lines)
    assert all('rejected="false"' in line for line in lines)


def test_updates_go_on_unhindered_while_our_process_is_down(portal: LocalPortal, admin: Person) -> None:
    one = workload(admin)
    one.create()
    opened = growth(lambda: admin.text("/metrics"), "apiserver_admission_webhook_fail_open_count")
    portal.stop()
    try:
        assert 2 == one.set_image("till:2")["metadata"]["generation"]
        assert 1 == opened()
    finally:
        portal.start()
    one.scale(3)
    one.delete()
    told = [ignored("create"), triggered(REPLICAS), ignored("deleted")]
    eventually(lambda: len(ledger(portal, one.subject, "reviewed")) >= len(told), "each review is decided on")
    assert told == ledger(portal, one.subject, "reviewed")
