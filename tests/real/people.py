"""Those who change things in a cluster, by the calls that kubectl and its kin make."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.real.apiserver import RealApiServer

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
PLAIN = "application/json"
SECONDS = 20.0


class Refused(RuntimeError):
    """The API server said no; `status` is its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class Person:
    """The server's admin, or whom the admin impersonates."""

    def __init__(self, server: RealApiServer, impersonated: str = "") -> None:
        self._base = server.url
        self._pool = urllib3.PoolManager(ca_certs=str(server.ca), retries=False, timeout=SECONDS)
        self._headers = {"Authorization": f"Bearer {server.token}", "Accept": PLAIN}
        if impersonated:
            self._headers["Impersonate-User"] = impersonated
            self._headers["Impersonate-Group"] = "system:masters"

    def text(self, path: str) -> str:
        """Return what the server says there, for instance its metrics."""
        return self._ask("GET", path, None, "text/plain").decode()

    def call(
        self, method: str, path: str, body: object = None, media: str = PLAIN, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the object that is answered; Refused otherwise."""
        target = f"{path}?{urlencode(query)}" if query else path
        answer: dict[str, Any] = json.loads(self._ask(method, target, body, media))
        return answer

    def _ask(self, method: str, path: str, body: object, media: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": media}
        answer = self._pool.request(method, self._base + path, body=data, headers=headers)
        if answer.status >= 300:
            raise Refused(answer.status, answer.data.decode(errors="replace")[:400])
        return answer.data


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment, StatefulSet or DaemonSet, and what `person` does to it."""

    person: Person
    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Return its name in the ledger."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def collection(self) -> str:
        """Return the path of its neighbours and itself."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self.kind.lower()}s"

    def manifest(self, image: str = "till:1") -> dict[str, Any]:
        """Return it as a person writes it, with two replicas unless it runs on each node."""
        labels = {"app": self.name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "till", "image": image}]}}
        counted = {} if self.kind == "DaemonSet" else {"replicas": 2}
        named = {"serviceName": self.name} if self.kind == "StatefulSet" else {}
        metadata = {"name": self.name, "labels": dict(self.labels), "annotations": dict(self.annotations)}
        spec = {"selector": {"matchLabels": labels}, "template": template, **counted, **named}
        return {"apiVersion": "apps/v1", "kind": self.kind, "metadata": metadata, "spec": spec}

    def create(self, image: str = "till:1", **query: str) -> dict[str, Any]:
        """Create it."""
        return self.person.call("POST", self.collection, self.manifest(image), query=query)

    def patch(self, body: object, **query: str) -> dict[str, Any]:
        """Merge a patch into it."""
        return self.person.call("PATCH", f"{self.collection}/{self.name}", body, MERGE, query)

    def apply(self, body: object) -> dict[str, Any]:
        """Apply a manifest server-side, as kubectl does."""
        query = {"fieldManager": "kubectl", "force": "true"}
        return self.person.call("PATCH", f"{self.collection}/{self.name}", body, APPLY, query)

    def scale(self, replicas: int) -> dict[str, Any]:
        """Scale it through its subresource."""
        body = {"spec": {"replicas": replicas}}
        return self.person.call("PATCH", f"{self.collection}/{self.name}/scale", body, MERGE)

    def set_image(self, image: str, **query: str) -> dict[str, Any]:
        """Give its container another image."""
        return self.patch(of_pods({"containers": [{"name": "till", "image": image}]}), **query)

    def annotate(self, **annotations: str | None) -> dict[str, Any]:
        """Set annotations, None removing one; `_` in a name stands for what Python does not take there."""
        return self.patch({"metadata": {"annotations": annotations}})

    def delete(self, options: object = None) -> None:
        """Delete it; kubectl says how in the body."""
        self.person.call("DELETE", f"{self.collection}/{self.name}", options)


def of_pods(spec: object) -> dict[str, Any]:
    """Return a patch of the pods' spec."""
    return {"spec": {"template": {"spec": spec}}}
