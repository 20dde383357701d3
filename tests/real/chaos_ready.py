"""A real API server that is ready for chaos, the subscriber in an account of its own, and a log of all that it asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml

from infra.demo import manifests
from infra.demo.kubernetes_api.definitions import definitions, install
from infra.demo.processes import Child
from infra.demo.stage import ROOT, free_port
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.real import crds
from tests.real.apiserver import RealApiServer
from tests.real.connections import connected
from tests.real.people import Person

ROLE = ROOT / "infra" / "kubernetes" / "subscriber-rbac.yaml"
SYSTEM = "litmus-gitops"
ACCOUNT = "litmus-gitops-subscriber"
USER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
INSTANCE = "infra-7"
RBAC = "rbac.authorization.k8s.io/v1"
RESOURCES = {"ServiceAccount": "v1/serviceaccounts"} | {
    kind: f"{RBAC}/{kind.lower()}s" for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
}
NOTED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
}
CREATED, REFUSED = 201, 400
FORESEEN = {404, 409, 410, 429}
"""Nothing there, there already, a watch's past that is forgotten, and a server that is not ready for it yet."""
Right = tuple[str, str, str]
"""API group, resource and verb."""


class ChaosReady:
    """The cluster: `admin` may do everything, `kubeconfig` is the subscriber's, `api` reads for the tests."""

    def __init__(self, server: RealApiServer, log: Path) -> None:
        self.server = server
        self.admin = Person(server)
        self.api: Kubernetes = open_kubernetes(str(server.kubeconfig))
        self._log = log
        self._furnish()
        self.kubeconfig = server.kubeconfig_for("subscriber", self._token())

    def asked(self) -> list[dict[str, Any]]:
        """Return every request of the subscriber's for a resource, as the audit log tells of it."""
        events = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [event for event in events if "objectRef" in event]

    def used(self) -> set[Right]:
        """Return the rights that the subscriber needed; to apply what is not there yet is to create it, too."""
        found = {(*_place(event), event["verb"]) for event in self.asked()}
        created = (event for event in self.asked() if event["responseStatus"]["code"] == CREATED)
        return found | {(*_place(event), "create") for event in created}

    def refused(self) -> list[tuple[int, str]]:
        """Return status and address of whatever the API server would not do, but for what has to be reckoned with."""
        answers = [(event["responseStatus"]["code"], event["requestURI"]) for event in self.asked()]
        return [(code, address) for code, address in answers if code >= REFUSED and code not in FORESEEN]

    def runs_its_controllers(self) -> bool:
        """Whether those are rolled out whom a run needs."""
        deployments = self.api.list("apps/v1/deployments", manifests.NAMESPACE)
        return all(one.get("status", {}).get("availableReplicas") for one in deployments)

    def _furnish(self) -> None:
        with connected(self.server.kubeconfig) as client:
            crds.served(client)
            install(client, definitions())
        for resource, namespace, body in manifests.ground():
            self.api.create(resource, namespace, body)
            if body["metadata"]["name"] == "chaos-operator-ce":
                self.api.create(resource, namespace, json.loads(json.dumps(body).replace("operator-ce", "scheduler")))
        self.api.create("v1/nodes", "", manifests.node())
        settings = {"metadata": {"name": "workflow-controller-configmap"}, "data": {"instanceID": INSTANCE}}
        self.api.create("v1/configmaps", manifests.NAMESPACE, settings)
        self.api.create("v1/namespaces", "", {"metadata": {"name": SYSTEM}})
        for document in documents():
            self.api.create(RESOURCES[document["kind"]], document["metadata"].get("namespace", ""), document)

    def _token(self) -> str:
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{ACCOUNT}/token"
        token: str = self.admin.call("POST", path, {"spec": {"audiences": []}})["status"]["token"]
        return token


class SubscriberProcess:
    """The subscriber on functions-framework, in its account; it may be killed and started anew."""

    def __init__(self, cluster: ChaosReady, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._settings = {"KUBECONFIG": str(cluster.kubeconfig), "POLL": "false", "LOOK_SECONDS": "0.2"} | settings
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where it takes orders."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self, **settings: str) -> None:
        """Start it, from now on with these settings too, and wait until it can record orders."""
        self._settings |= settings
        source = str(ROOT / "functions" / "subscriber" / "main.py")
        arguments = ["-m", "functions_framework", "--target", "subscriber", "--source", source]
        arguments += ["--host", "127.0.0.1", "--port", str(self.port)]
        log = self._folder / f"subscriber-{self.port}.log"
        self._child = Child("the subscriber", arguments, self._settings, log)
        self._child.__enter__().wait_until_ready(f"{self.url}readyz")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop()

    def post(self, headers: dict[str, str], body: bytes) -> int:
        """Send it something and return the status of its answer."""
        return urllib3.request("POST", self.url, body=body, headers=headers, retries=False, timeout=10).status


@contextmanager
def chaos_ready(folder: Path) -> Iterator[ChaosReady]:
    """Serve the cluster for as long as the `with` block lasts."""
    policy, log = folder / "audit-policy.json", folder / "audit.log"
    policy.write_text(json.dumps(NOTED))
    with RealApiServer(extra=[f"--audit-policy-file={policy}", f"--audit-log-path={log}"]) as server:
        yield ChaosReady(server, log)


def documents() -> list[dict[str, Any]]:
    """Return what the subscriber's file for a cluster holds."""
    return list(yaml.safe_load_all(ROLE.read_text()))


def granted() -> set[Right]:
    """Return all that the file lets the subscriber do."""
    rules = [rule for document in documents() for rule in document.get("rules", ())]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _place(event: dict[str, Any]) -> tuple[str, str]:
    reference = event["objectRef"]
    resource = "/".join(part for part in (reference["resource"], reference.get("subresource")) if part)
    return reference.get("apiGroup", ""), resource
