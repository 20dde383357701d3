"""Each thing in a cluster that keeps changes from arriving is found, with its mend."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.demo.kubernetes_api.server import ApiServer
from infra.kubernetes.applying import SECRETS, WEBHOOKS, Served, apply, secret, served
from infra.kubernetes.certificates import make
from infra.kubernetes.checking import Known, look
from infra.kubernetes.kinds import kind_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options, Watched
from shared.clients.kubernetes import Kubernetes, open_kubernetes

NAMESPACE = "litmus-gitops"
RBAC = "rbac.authorization.k8s.io/v1"
DEPLOYMENTS = "apps/v1/deployments"
ON = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "kill-1"}
OPTIONS = Options(cluster="c1", secret="whsec_YQ==")
MANIFEST = "litmus-gitops cluster manifest c1 -p shop --apply"
RENEWAL = "litmus-gitops cluster certificate c1 --renew"

Act = Callable[[Kubernetes], object]


def known(**more: Any) -> Known:
    told = {"experiments": frozenset({"kill-1"}), "policies": (), "clock": datetime.now(UTC)}
    return Known(**{"cluster": "c1", "project": "shop", "namespace": NAMESPACE, **told, **more})


def workload(name: str = "till", namespace: str = "default", annotations: Any = ON) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "till", "image": "till:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with ApiServer() as server:
        yield open_kubernetes(str(server.kubeconfig(tmp_path_factory.mktemp("api") / "kubeconfig")))


@pytest.fixture
def api(server: Kubernetes) -> Iterator[Kubernetes]:
    """A cluster in which everything is right: with the manifests, a ready subscriber and an annotated workload."""
    apply(server, OPTIONS)
    live = server.get(DEPLOYMENTS, NAMESPACE, NAME)
    server.replace(f"{DEPLOYMENTS}", NAMESPACE, f"{NAME}/status", live | {"status": {"readyReplicas": 2}})
    server.apply(DEPLOYMENTS, "default", workload())
    yield server
    server.delete("v1/namespaces", "", NAMESPACE)
    server.delete(WEBHOOKS, "", CONFIGURATION)
    for kind in ("clusterroles", "clusterrolebindings"):
        server.delete(f"{RBAC}/{kind}", "", NAME)
    server.delete(DEPLOYMENTS, "default", "till")


def found(api: Kubernetes, **more: Any) -> list[tuple[str, str]]:
    return [(one.what, one.mend) for one in look(api, known(**more)) if one.severity == "finding"]


def test_nothing_is_found_where_everything_is_right(api: Kubernetes) -> None:
    assert [] == list(look(api, known()))


def entry(api: Kubernetes, **fields: Any) -> None:
    """Change the first webhook of the registration as somebody else might."""
    live = api.get(WEBHOOKS, "", CONFIGURATION)
    live["webhooks"][0] |= fields
    api.replace(WEBHOOKS, "", CONFIGURATION, live)


def dropped(api: Kubernetes) -> None:
    live = api.get(WEBHOOKS, "", CONFIGURATION)
    live["webhooks"] = [live["webhooks"][0] | {"name": "a.strange.webhook"}, *live["webhooks"][1:]]
    api.replace(WEBHOOKS, "", CONFIGURATION, live)


def another_certificate(days: int, namespace: str = NAMESPACE, ago: int = 0) -> Act:
    pair = make(namespace, datetime.now(UTC) - timedelta(days=ago), days)

    def act(api: Kubernetes) -> None:
        api.apply(SECRETS, NAMESPACE, secret(NAMESPACE, Served(pair.certificate, pair.authority, pair.key)))
        live = api.get(WEBHOOKS, "", CONFIGURATION)
        for one in live["webhooks"]:
            one["clientConfig"]["caBundle"] = b64encode(pair.authority).decode()
        api.replace(WEBHOOKS, "", CONFIGURATION, live)

    return act


def narrowed(api: Kubernetes) -> None:
    live = api.get(f"{RBAC}/clusterroles", "", NAME)
    live["rules"] = [rule | {"verbs": [verb for verb in rule["verbs"] if verb != "list"]} for rule in live["rules"]]
    api.replace(f"{RBAC}/clusterroles", "", NAME, live)


def by_name_only(api: Kubernetes) -> None:
    live = api.get(f"{RBAC}/roles", NAMESPACE, NAME)
    live["rules"] = [rule | {"resourceNames": ["one"]} for rule in live["rules"]]
    api.replace(f"{RBAC}/roles", NAMESPACE, NAME, live)


def unbound(api: Kubernetes) -> None:
    live = api.get(f"{RBAC}/rolebindings", NAMESPACE, NAME)
    live["subjects"][0]["name"] = "somebody"
    api.replace(f"{RBAC}/rolebindings", NAMESPACE, NAME, live)


def unready(api: Kubernetes) -> None:
    live = api.get(DEPLOYMENTS, NAMESPACE, NAME)
    api.replace(DEPLOYMENTS, NAMESPACE, f"{NAME}/status", live | {"status": {}})
    waits = {"reason": "ImagePullBackOff", "message": "no such image"}
    labels = {"app.kubernetes.io/name": NAME}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": NAMESPACE, "labels": labels}}
    pod |= {"spec": {"containers": [{"name": "subscriber", "image": "x"}]}}
    made = api.create("v1/pods", NAMESPACE, pod)
    status = {"containerStatuses": [{"name": "subscriber", "state": {"waiting": waits}}]}
    api.replace("v1/pods", NAMESPACE, "p/status", made | {"status": status})


@pytest.mark.parametrize(
    ("act", "what", "mend"),
    [
        pytest.param(
            lambda api: api.delete(WEBHOOKS, "", CONFIGURATION),
            "the API server tells nobody: there is no ValidatingWebhookConfiguration litmus-gitops",
            MANIFEST,
            id="no webhook",
        ),
        pytest.param(
            lambda api: api.patch(WEBHOOKS, "", CONFIGURATION, {"metadata": {"annotations": None}}),
            "the ValidatingWebhookConfiguration litmus-gitops: the annotation litmus-gitops.io/watched does not say "
            "what is watched",
            MANIFEST,
            id="not generated",
        ),
        pytest.param(
            lambda api: entry(api, matchConditions=[{"name": "never", "expression": "false"}]),
            "the webhook deployments.apps.litmus-gitops.io has another matchConditions",
            MANIFEST,
            id="other conditions",
        ),
        pytest.param(
            lambda api: entry(api, clientConfig={"service": {"namespace": "default", "name": "other"}}),
            "the webhook deployments.apps.litmus-gitops.io calls default/other:443/, not "
            f"litmus-gitops/{NAME}:443/admission",
            MANIFEST,
            id="another service",
        ),
        pytest.param(dropped, "the webhook deployments.apps.litmus-gitops.io is missing", MANIFEST, id="one missing"),
        pytest.param(dropped, "the webhook a.strange.webhook is none of ours", MANIFEST, id="one too many"),
        pytest.param(
            lambda api: api.delete("v1/services", NAMESPACE, NAME),
            f"the Service {NAMESPACE}/{NAME} is missing",
            MANIFEST,
            id="no service",
        ),
        pytest.param(
            lambda api: api.delete(SECRETS, NAMESPACE, TLS),
            f"the Secret {NAMESPACE}/{TLS} is missing",
            RENEWAL,
            id="no certificate",
        ),
        pytest.param(
            another_certificate(365, "elsewhere"),
            f"the API server refuses the subscriber's certificate: it is not for the name {NAME}.{NAMESPACE}.svc",
            RENEWAL,
            id="certificate of another name",
        ),
        pytest.param(
            lambda api: entry(
                api,
                clientConfig=api.get(WEBHOOKS, "", CONFIGURATION)["webhooks"][0]["clientConfig"]
                | {"caBundle": b64encode(make(NAMESPACE, datetime.now(UTC), 9).authority).decode()},
            ),
            "the API server refuses the subscriber's certificate: "
            "no authority of the webhook's caBundle vouches for it",
            RENEWAL,
            id="another authority",
        ),
        pytest.param(
            lambda api: api.delete(DEPLOYMENTS, NAMESPACE, NAME),
            f"the Deployment {NAMESPACE}/{NAME} is missing",
            MANIFEST,
            id="no subscriber",
        ),
        pytest.param(
            unready,
            f"no pod of the Deployment {NAME} is ready: ImagePullBackOff no such image",
            f"{MANIFEST}; see its pods' events",
            id="not ready",
        ),
        pytest.param(
            lambda api: apply(api, Options(cluster="c2")),
            f"the Deployment {NAME} is that of cluster c2",
            MANIFEST,
            id="another cluster's",
        ),
        pytest.param(
            lambda api: api.delete(SECRETS, NAMESPACE, NAME),
            f"the Secret {NAMESPACE}/{NAME} is missing, which holds the subscriber's key",
            f"{MANIFEST} --with-secret FILE",
            id="no key",
        ),
        pytest.param(
            narrowed, f"the ClusterRole {NAME} does not allow to list deployments.apps", MANIFEST, id="narrow role"
        ),
        pytest.param(
            lambda api: api.delete(f"{RBAC}/roles", NAMESPACE, NAME),
            f"the Role {NAME} is missing",
            MANIFEST,
            id="no role",
        ),
        pytest.param(
            by_name_only, f"the Role {NAME} does not allow to create configmaps", MANIFEST, id="role for one name"
        ),
        pytest.param(
            unbound,
            f"the RoleBinding {NAME} does not bind the account {NAMESPACE}/{NAME}",
            MANIFEST,
            id="another account",
        ),
        pytest.param(
            lambda api: api.delete(f"{RBAC}/clusterrolebindings", "", NAME),
            f"the ClusterRoleBinding {NAME} is missing",
            MANIFEST,
            id="no binding",
        ),
        pytest.param(
            lambda api: api.delete(DEPLOYMENTS, "default", "till"),
            "no workload is annotated",
            "kubectl annotate deployment <name> litmuschaos.io/gitops=true litmuschaos.io/workflow=<workflow_id>",
            id="nothing opted in",
        ),
        pytest.param(
            lambda api: api.apply(DEPLOYMENTS, "default", workload(annotations={"litmuschaos.io/gitops": "True"})),
            "Deployment/default/till has litmuschaos.io/gitops: 'True', so it is not watched",
            'it is watched with "true"',
            id="not quite true",
        ),
        pytest.param(
            lambda api: api.apply(DEPLOYMENTS, "default", workload(annotations={"litmuschaos.io/gitops": "true"})),
            "Deployment/default/till names no experiment",
            "annotate it with litmuschaos.io/workflow=<workflow_id>",
            id="no experiment",
        ),
        pytest.param(
            lambda api: api.apply(DEPLOYMENTS, NAMESPACE, workload("inner", NAMESPACE)),
            f"Deployment/{NAMESPACE}/inner is in a namespace that is left out",
            "keep what is watched out of it",
            id="left out",
        ),
    ],
)
def test_what_is_wrong_is_found_with_its_mend(api: Kubernetes, act: Act, what: str, mend: str) -> None:
    act(api)
    assert (what, mend) in found(api)


def test_a_certificate_that_ends_soon_or_has_ended_is_found(api: Kubernetes) -> None:
    another_certificate(20)(api)
    ((what, mend),) = found(api)
    assert ("the subscriber's certificate ends at ", RENEWAL) == (what[:37], mend)
    another_certificate(20, ago=21)(api)
    ((what, _),) = found(api)
    assert what.startswith("the API server refuses the subscriber's certificate: it is valid from ")
    assert served(api, NAMESPACE) is not None


def test_a_certificate_that_cert_manager_issues_is_its_own_to_mend(api: Kubernetes) -> None:
    annotations = {"cert-manager.io/inject-ca-from": f"{NAMESPACE}/{TLS}"}
    api.patch(WEBHOOKS, "", CONFIGURATION, {"metadata": {"annotations": annotations}})
    api.delete(SECRETS, NAMESPACE, TLS)
    mend = f"see cert-manager's Certificate {NAMESPACE}/{TLS}"
    assert [(f"the Secret {NAMESPACE}/{TLS} is missing", mend)] == found(api)


def test_an_experiment_that_the_portal_does_not_know_is_found(api: Kubernetes) -> None:
    what = "Deployment/default/till names kill-1, which is no experiment of shop"
    assert [(what, "see litmus-gitops experiment list -p shop")] == found(api, experiments=frozenset())


def test_a_policy_that_asks_for_more_than_is_told_is_found(api: Kubernetes) -> None:
    rows = ({"conditions": [{"key": "metadata.labels.team"}], "autoscalers": True},)
    assert [
        ("a policy names metadata, of which the API server tells nothing", MANIFEST),
        ("a policy counts autoscalers, of which the API server tells nothing", MANIFEST),
    ] == found(api, policies=rows)


@pytest.mark.parametrize(
    ("off", "side"), [pytest.param(-120, "ahead of", id="ahead"), pytest.param(120, "behind", id="behind")]
)
def test_clocks_that_are_apart_are_found(api: Kubernetes, off: int, side: str) -> None:
    ((what, _),) = found(api, clock=datetime.now(UTC) + timedelta(seconds=off))
    assert f" s {side} the portal's" in what


def test_a_url_of_another_cluster_is_found_and_its_own_is_good(api: Kubernetes) -> None:
    apply(api, Options(cluster="c1", direct="https://portal.example.org/admission/c2/a-token"))
    server_side = api.get(DEPLOYMENTS, NAMESPACE, NAME)
    api.replace(DEPLOYMENTS, NAMESPACE, f"{NAME}/status", server_side | {"status": {"readyReplicas": 1}})
    ((what, mend),) = found(api)
    assert "the webhook's URL is not that of cluster c1" == what
    assert "a-token" not in what + mend
    apply(api, Options(cluster="c1", direct="https://portal.example.org/admission/c1/a-token"))
    assert [] == found(api)


def test_a_kind_that_is_not_served_is_found(api: Kubernetes) -> None:
    kinds = (*Options().watched.kinds, kind_of("Rollout"))
    apply(api, Options(cluster="c1", watched=Watched(kinds)))
    assert [
        (
            "the API server serves no argoproj.io/v1alpha1/rollouts",
            "install the definition of Rollout, or do without --kind Rollout",
        )
    ] == found(api)


def test_a_role_that_was_narrowed_on_purpose_is_a_note_where_nothing_arrives_by_it(api: Kubernetes) -> None:
    live = api.get(f"{RBAC}/clusterroles", "", NAME)
    live["rules"] = [rule for rule in live["rules"] if "nodes" not in rule["resources"]]
    api.replace(f"{RBAC}/clusterroles", "", NAME, live)
    (note,) = look(api, known())
    assert (f"the ClusterRole {NAME} does not allow to list nodes", "note") == (note.what, note.severity)


def test_a_cluster_that_does_not_answer_is_found_once_for_each_look(tmp_path: Path) -> None:
    with ApiServer() as gone:
        api = open_kubernetes(str(gone.kubeconfig(tmp_path / "kubeconfig")))
    rows = found(api)
    assert rows
    assert all("the Kubernetes API does not answer" in what for what, _ in rows)
