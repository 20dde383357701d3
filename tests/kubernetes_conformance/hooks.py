"""A validating webhook on loopback, its registration, and the repetition of recorded requests."""

from collections.abc import Mapping
from typing import Any

from kubernetes.client import AdmissionregistrationV1Api, ApiClient, CoreV1Api

from tests.kubernetes_conformance.answers import raw
from tests.kubernetes_conformance.manifests import config_map, webhook
from tests.kubernetes_conformance.shapes import as_sent
from tests.real.connections import Manifest
from tests.real.receiver import Received, Receiver
from tests.real.waiting import eventually

WATCHED = ["configmaps", "deployments", "deployments/scale", "deployments/status", "statefulsets", "daemonsets"]
PROBE = "probe"
WORDS = {"code": 418, "message": "not today", "reason": "TeaTime"}
STATUSES: dict[str, dict[str, Any]] = {"explained": WORDS, "unexplained": {}, "reason-only": {"reason": "TeaTime"}}


def answer(review: Mapping[str, Any]) -> Mapping[str, Any]:
    """Deny what is named so, answer nonsense to `broken`, allow the rest."""
    name, uid = review["request"].get("name", ""), review["request"]["uid"]
    if name == "broken":
        return {"apiVersion": review["apiVersion"], "kind": review["kind"]}
    response: dict[str, Any] = {"uid": uid, "allowed": name not in STATUSES}
    response |= {"status": STATUSES[name]} if STATUSES.get(name) else {}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


class Hook:
    """A registered webhook: its rules can be replaced, and what it is sent is taken one by one."""

    def __init__(self, receiver: Receiver, client: ApiClient, namespace: str) -> None:
        self._receiver = receiver
        self._registrations = AdmissionregistrationV1Api(client)
        self._core = CoreV1Api(client)
        self._namespace = namespace

    def register(self, **more: Any) -> None:
        """Register, and return once the server calls us."""
        body = webhook(self._receiver, self._namespace, WATCHED, **more)
        self._registrations.create_validating_webhook_configuration(body)
        eventually(self._is_called, "the webhook is called")
        self.drain()

    def _is_called(self) -> bool:
        self._core.create_namespaced_config_map(
            self._namespace, config_map(PROBE, labels={"app": "till"}), dry_run="All"
        )
        return not self._receiver.received.empty()

    def drain(self) -> list[dict[str, Any]]:
        """The requests of all reviews so far, without those of our own probing."""
        found = []
        while not self._receiver.received.empty():
            found.append(self._receiver.next().body["request"])
        return [request for request in found if request.get("name") != PROBE]

    def delivery(self) -> Received:
        """The next one, whole."""
        return self._receiver.next()

    def remove(self) -> None:
        """Unregister; the server may still call for a moment."""
        self._registrations.delete_validating_webhook_configuration(self._namespace)


COLLECTIONS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}


def repeat(client: ApiClient, namespace: str, request: Manifest) -> None:
    """Do again what a recorded review was about, by its plainest verb."""
    document = request["object"] or request["oldObject"]
    path = COLLECTIONS[document["kind"]].format(namespace)
    options = {key: value for key, value in request["options"].items() if key in {"fieldManager", "fieldValidation"}}
    query = "&".join(f"{key}={value}" for key, value in options.items()) + ("&dryRun=All" if request["dryRun"] else "")
    if request["operation"] == "CREATE":
        raw(client, "POST", f"{path}?{query}", as_sent(document))
    elif request["operation"] == "UPDATE":
        raw(client, "PUT", f"{path}/{document['metadata']['name']}?{query}", as_sent(document))
    else:
        raw(client, "DELETE", f"{path}/{document['metadata']['name']}", {"propagationPolicy": "Background"})


def before(client: ApiClient, namespace: str, request: Manifest) -> None:
    """Make what the recorded review found."""
    old = request["oldObject"]
    if old is not None:
        raw(client, "POST", COLLECTIONS[old["kind"]].format(namespace), as_sent(old))
