"""A cluster in which everything is right, and what somebody may do to it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.kubernetes.applying import SECRETS, WEBHOOKS, Served, secret
from infra.kubernetes.certificates import make
from infra.kubernetes.checking import Known, look
from infra.kubernetes.options import CONFIGURATION, NAME, Options
from shared.clients.kubernetes import Kubernetes

NAMESPACE = "litmus-gitops"
RBAC = "rbac.authorization.k8s.io/v1"
DEPLOYMENTS = "apps/v1/deployments"
ON = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "kill-1"}
OPTIONS = Options(cluster="c1", secret="whsec_YQ==")
COMMAND = "litmus-gitops cluster manifest c1 -p shop --apply"
MANIFEST = f"{COMMAND}, with the options that the cluster was set up with"
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


def found(api: Kubernetes, **more: Any) -> list[tuple[str, str]]:
    return [(one.what, one.mend) for one in look(api, known(**more)) if one.severity == "finding"]


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
