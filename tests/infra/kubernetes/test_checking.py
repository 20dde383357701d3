"""Each thing in a cluster that keeps changes from arriving is found, with its mend."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from infra.kubernetes.applying import SECRETS, WEBHOOKS, apply
from infra.kubernetes.certificates import make
from infra.kubernetes.checking import look
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options
from shared.clients.kubernetes import Kubernetes
from tests.infra.kubernetes.sound import (
    COMMAND,
    DEPLOYMENTS,
    MANIFEST,
    NAMESPACE,
    RBAC,
    RENEWAL,
    Act,
    another_certificate,
    by_name_only,
    dropped,
    entry,
    found,
    known,
    narrowed,
    unbound,
    unready,
    workload,
)


def test_nothing_is_found_where_everything_is_right(sound: Kubernetes) -> None:
    assert [] == list(look(sound, known()))


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
            f"{COMMAND} --with-secret FILE, and the options that the cluster was set up with",
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
def test_what_is_wrong_is_found_with_its_mend(sound: Kubernetes, act: Act, what: str, mend: str) -> None:
    act(sound)
    assert (what, mend) in found(sound)
