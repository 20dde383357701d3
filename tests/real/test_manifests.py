"""The generated manifests on a real API server: it takes them all, and itself keeps away what cannot matter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import yaml

from infra.demo.certificates import make_certificates
from infra.kubernetes import auditing
from infra.kubernetes.applying import WEBHOOKS, apply, renew, webhook_of
from infra.kubernetes.checking import Known, look
from infra.kubernetes.kinds import DEFAULT, kind_of
from infra.kubernetes.options import CONFIGURATION, NAME, Options, Watched
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.real.apiserver import RealApiServer
from tests.real.people import MERGE, Person, Workload
from tests.real.portals import growth
from tests.real.receiver import Receiver, accept, allow
from tests.real.waiting import eventually

EXCLUDED = "apiserver_admission_match_condition_exclusions_total"
FAILED = "apiserver_admission_match_condition_evaluation_errors_total"
GITOPS = "litmuschaos.io/gitops"
ON = {GITOPS: "true", "litmuschaos.io/workflow": "till-outage"}
AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
SYSTEM = "litmus-gitops"
WATCHED = Watched((*DEFAULT, *map(kind_of, ("ConfigMap", "Secret", "Gadget=argoproj.io/v1alpha1/workflows"))))

Seen = tuple[str, str]


@pytest.fixture
def api(real_api: RealApiServer) -> Iterator[Kubernetes]:
    """The client of the product; whatever a test registers is gone after it."""
    found = open_kubernetes(str(real_api.kubeconfig))
    yield found
    found.delete(WEBHOOKS, "", CONFIGURATION)


@pytest.fixture
def person(real_api: RealApiServer) -> Person:
    return Person(real_api)


class Told:
    """What the API server told since the last look, and what its conditions kept away meanwhile."""

    def __init__(self, person: Person, receiver: Receiver) -> None:
        self._receiver = receiver
        self._metrics = lambda: person.text("/metrics")
        self.failed = growth(self._metrics, FAILED)

    def while_doing(self, act: Callable[[], object]) -> tuple[list[Seen], float]:
        """Return (operation, resource) of each review during the act, and how many were kept away."""
        self.reviews()
        kept_away = growth(self._metrics, EXCLUDED)
        act()
        return self.reviews(), kept_away()

    def reviews(self) -> list[Seen]:
        found: list[Seen] = []
        while True:
            try:
                request: Any = self._receiver.received.get_nowait().body["request"]
            except Empty:
                return found
            parts = (request["resource"]["resource"], request.get("subResource"))
            found.append((request["operation"], "/".join(filter(None, parts))))


@pytest.fixture
def told(api: Kubernetes, person: Person, namespace: str, tmp_path: Path, installed_crds: list[str]) -> Iterator[Told]:
    """A registration that calls a receiver of ours by its URL, in force."""
    assert "workflows.argoproj.io" in installed_crds
    with Receiver(make_certificates(tmp_path), allow) as receiver:
        url, authority = f"{receiver.url}/admission/c1/a-token", receiver.ca.read_bytes()
        apply(api, Options(cluster="c1", watched=WATCHED, direct=url, authority=authority))
        found = Told(person, receiver)
        probe = Workload(person, "DaemonSet", namespace, "probe", annotations=ON)

        def heard() -> bool:
            probe.create()
            probe.delete()
            return bool(found.reviews())

        eventually(heard, "the webhook is called")
        yield found
        assert 0 == found.failed()


def deployment(person: Person, namespace: str, annotations: dict[str, str] | None = None) -> Workload:
    return Workload(person, "Deployment", namespace, "till", annotations=ON if annotations is None else annotations)


def as_one(one: Workload, real_api: RealApiServer, who: str) -> Workload:
    return replace(one, person=Person(real_api, who))


def test_everything_that_is_generated_is_accepted_and_applying_it_again_is_no_change(api: Kubernetes) -> None:
    options = Options(cluster="c1", secret="whsec_YQ==")
    apply(api, options)
    before: Any = webhook_of(api)
    apply(api, options)
    assert before == webhook_of(api)
    renew(api, SYSTEM, force=True)
    apply(api, Options(cluster="c1", watched=Watched((kind_of("ConfigMap"),))))
    after: Any = webhook_of(api)
    assert ["configmaps.core.litmus-gitops.io"] == [entry["name"] for entry in after["webhooks"]]


def test_what_is_generated_is_found_to_be_right(api: Kubernetes, person: Person, namespace: str) -> None:
    apply(api, Options(cluster="c1", secret="whsec_YQ=="))
    deployment(person, namespace).create()
    known = Known("c1", "shop", SYSTEM, frozenset({"till-outage"}), (), api.now())
    assert [f"no pod of the Deployment {NAME} is ready"] == [
        one.what for one in look(api, known) if "names" not in one.what and one.severity == "finding"
    ]


def test_a_service_that_does_not_answer_holds_up_nobody(api: Kubernetes, person: Person, namespace: str) -> None:
    apply(api, Options(cluster="c1"))
    one = deployment(person, namespace)
    opened = growth(lambda: person.text("/metrics"), "apiserver_admission_webhook_fail_open_count")

    def fell_open() -> bool:
        one.create()
        one.delete()
        return opened() > 0

    eventually(fell_open, "the Service was called in vain")


def test_what_can_matter_is_told_of(told: Told, person: Person, namespace: str) -> None:
    one = deployment(person, namespace)
    acts: list[tuple[Callable[[], object], Seen]] = [
        (one.create, ("CREATE", "deployments")),
        (lambda: one.set_image("till:2"), ("UPDATE", "deployments")),
        (lambda: one.scale(3), ("UPDATE", "deployments/scale")),
        (lambda: one.scale(0), ("UPDATE", "deployments/scale")),
        (lambda: one.scale(2), ("UPDATE", "deployments/scale")),
        (lambda: one.annotate(**{"litmuschaos.io/workflow": "other"}), ("UPDATE", "deployments")),
        (lambda: one.annotate(**{GITOPS: None}), ("UPDATE", "deployments")),
        (lambda: one.annotate(**{GITOPS: "true"}), ("UPDATE", "deployments")),
        (one.delete, ("DELETE", "deployments")),
    ]
    assert [[seen] for _, seen in acts] == [told.while_doing(act)[0] for act, _ in acts]


def test_what_cannot_matter_is_kept_away_by_the_api_server_itself(
    told: Told, person: Person, namespace: str, real_api: RealApiServer
) -> None:
    plain, one = replace(deployment(person, namespace, {}), name="plain"), deployment(person, namespace)
    one.create()
    status = f"{one.collection}/{one.name}/status"
    acts: dict[str, tuple[Callable[[], object], int]] = {
        "created, not annotated": (plain.create, 1),
        "changed, not annotated": (lambda: plain.set_image("till:2"), 1),
        "deleted, not annotated": (plain.delete, 1),
        "metadata": (lambda: one.annotate(team="a"), 1),
        "nothing new": (lambda: one.set_image("till:1"), 1),
        "dry run": (lambda: one.set_image("till:2", dryRun="All"), 1),
        "autoscaler": (lambda: as_one(one, real_api, AUTOSCALER).scale(5), 1),
        "same replicas": (lambda: one.scale(5), 1),
        "our subscriber": (
            lambda: as_one(one, real_api, f"system:serviceaccount:{SYSTEM}:{NAME}").set_image("till:3"),
            1,
        ),
        "status": (lambda: person.call("PATCH", status, {"status": {"replicas": 1}}, MERGE), 0),
    }
    found = {name: told.while_doing(act) for name, (act, _) in acts.items()}
    assert {name: ([], count) for name, (_, count) in acts.items()} == found


@dataclass(frozen=True)
class Content:
    """What an object of a kind holds, what an update makes of it, and what may change beside that without a word."""

    kind: str
    place: str
    first: dict[str, Any]
    then: dict[str, Any]
    besides: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Content("ConfigMap", "/api/v1", {"data": {"a": "1"}}, {"data": {"a": "2"}}), id="ConfigMap"),
        pytest.param(Content("Secret", "/api/v1", {"data": {"a": "MQ=="}}, {"data": {"b": "Mg=="}}), id="Secret"),
        pytest.param(
            Content(
                "Workflow",
                "/apis/argoproj.io/v1alpha1",
                {"spec": {"entrypoint": "a"}},
                {"spec": {"entrypoint": "b"}},
                {"status": {"phase": "Running"}},
            ),
            id="custom resource",
        ),
    ],
)
def test_other_kinds_are_told_of_by_their_own_content(
    told: Told, person: Person, namespace: str, case: Content
) -> None:
    plural = f"{case.kind.lower()}s"
    place = f"{case.place}/namespaces/{namespace}/{plural}"
    version = case.place.removeprefix("/apis/").removeprefix("/api/")
    head = {"apiVersion": version, "kind": case.kind, "metadata": {"name": "till", "annotations": ON}}

    def patch(change: Any) -> Callable[[], object]:
        return lambda: person.call("PATCH", f"{place}/till", change, MERGE)

    assert [("CREATE", plural)] == told.while_doing(lambda: person.call("POST", place, {**head, **case.first}))[0]
    assert [("UPDATE", plural)] == told.while_doing(patch(case.then))[0]
    assert ([], 1) == told.while_doing(patch({"metadata": {"labels": {"team": "a"}}, **case.besides}))
    assert ([], 1) == told.while_doing(patch(case.then))
    assert [("DELETE", plural)] == told.while_doing(lambda: person.call("DELETE", f"{place}/till"))[0]


@pytest.mark.parametrize("namespace_left_out", ["kube-system", SYSTEM])
def test_objects_of_the_system_and_of_our_own_namespace_are_told_of_to_nobody(
    told: Told, person: Person, namespace_left_out: str
) -> None:
    one = deployment(person, namespace_left_out)
    assert ([], 0) == told.while_doing(one.create)
    assert ([], 0) == told.while_doing(lambda: one.set_image("till:2"))
    assert ([], 0) == told.while_doing(one.delete)


def test_the_audit_backend_by_the_printed_files_sends_watched_kinds_and_nothing_else(tmp_path: Path) -> None:
    with Receiver(make_certificates(tmp_path), accept) as receiver:
        url = f"{receiver.url}/audit/c1/a-token"
        files = {
            "policy": auditing.policy(WATCHED, SYSTEM),
            "config": auditing.kubeconfig(url, receiver.ca.read_bytes()),
        }
        for name, content in files.items():
            (tmp_path / name).write_text(yaml.safe_dump(content))
        flags = [f"--audit-policy-file={tmp_path / 'policy'}", f"--audit-webhook-config-file={tmp_path / 'config'}"]
        flags += ["--audit-webhook-mode=batch", "--audit-webhook-batch-max-wait=100ms"]
        with RealApiServer(extra=flags) as server:
            person = Person(server)
            deployment(person, "kube-system").create()
            secret = {"metadata": {"name": "till"}, "stringData": {"a": "not to be told"}}
            person.call("POST", "/api/v1/namespaces/default/secrets", secret)
            one = deployment(person, "default")
            for act in (one.create, lambda: one.set_image("till:2"), lambda: one.scale(3), one.delete):
                act()
            batches = [receiver.next()]
            while not any(event["verb"] == "delete" for event in batches[-1].body["items"]):
                batches.append(receiver.next())
    events = [event for batch in batches for event in batch.body["items"]]
    told = [
        (event["verb"], event["objectRef"]["namespace"], event["objectRef"]["resource"])
        for event in events
        if event["objectRef"].get("name") == "till"
    ]
    assert [(verb, "default", "deployments") for verb in ("create", "patch", "patch", "delete")] == told
    assert {"ResponseComplete"} == {event["stage"] for event in events}
    assert "/audit/c1/a-token" == batches[0].path.partition("?")[0]
    assert "not to be told" not in str(events)
