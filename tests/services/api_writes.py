"""The writing half of an API server in this process: each write leaves the reviews and the audit event of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.demo.kubernetes_api import audit, calls, refusals
from infra.demo.kubernetes_api.admission import Admission
from infra.demo.kubernetes_api.calls import User
from infra.demo.kubernetes_api.catalogue import Catalogue
from infra.demo.kubernetes_api.documents import second
from infra.demo.kubernetes_api.reviews import Attempt
from infra.demo.kubernetes_api.storage import Key, Storage
from infra.demo.kubernetes_api.writes import Writes

Json = dict[str, Any]
NAMESPACE, NAME = "shop", "web"
ADA = User("ada", groups=("system:authenticated",))
CHAOS = User("system:serviceaccount:litmus:argo-chaos")
ARGO_CD = User("system:serviceaccount:argocd:argocd-application-controller")
AUTOSCALER = User("system:serviceaccount:kube-system:horizontal-pod-autoscaler")
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
ANNOTATIONS = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "kill"}


@dataclass
class Told(Admission):
    """What our webhook was asked, in order; another one, asked after it, may deny, or be slow while others write."""

    asked: list[Json] = field(default_factory=list)
    denying: bool = False
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    clock: Callable[[], datetime] | None = None

    def check(self, attempt: Attempt) -> None:
        if attempt.operation == "CREATE" and attempt.new and self.clock:
            attempt.new["metadata"]["creationTimestamp"] = second(self.clock())
        self.asked.append(attempt.review())
        if self.meanwhile:
            self.meanwhile.pop()()
        if self.denying:
            raise refusals.Refusal(403, "Forbidden", "another webhook denied the request")


@dataclass
class Written:
    """One request: its reviews in order (several where it lost a race), its audit event, and whether it succeeded."""

    reviews: list[Json]
    event: Json
    good: bool


class ApiWrites:
    """Deployments of one namespace, by the rules of the demo's API server, at the times of `clock`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._begin()

    def _begin(self) -> None:
        self.storage, self.catalogue = Storage(), Catalogue()
        self.storage.write(Key("namespaces", "", NAMESPACE), {"metadata": {"name": NAMESPACE}}, "")
        self.told = Told(self.storage, clock=self.clock)
        self.writes = Writes(self.storage, self.catalogue, self.told)

    @property
    def live(self) -> Json | None:
        """The workload as it is stored."""
        return self.storage.read(Key("deployments.apps", NAMESPACE, NAME))

    def create(self, image: str, **options: Any) -> Written:
        """Create the workload, watched."""
        body = deployment(image)
        return self.request("POST", DEPLOYMENTS, body, **options)

    def patch(self, body: Any, *, below: str = "", media: str = "merge", **options: Any) -> Written:
        """Patch the workload, or what is below it (`/scale`, `/status`)."""
        kind = f"application/{media}-patch+json"
        return self.request("PATCH", f"{DEPLOYMENTS}/{NAME}{below}", body, media_type=kind, **options)

    def delete(self, **options: Any) -> Written:
        """Delete the workload."""
        return self.request("DELETE", f"{DEPLOYMENTS}/{NAME}", None, **options)

    def restore(self, backup: Json) -> None:
        """Have etcd restored from a backup: revisions and generations begin anew from there."""
        self._begin()
        self.storage.write(Key("deployments.apps", NAMESPACE, NAME), deepcopy(backup), "")

    def request(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        media_type: str = calls.JSON_TYPE,
        user: User = ADA,
        dry_run: bool = False,
        denied: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> Written:
        """Make a request; `meanwhile` happens once, between its admission and its write."""
        query = {"dryRun": "All"} if dry_run else {}
        uri = path + ("?dryRun=All" if dry_run else "")
        raw = b"" if body is None else json.dumps(body).encode()
        envelope = calls.Envelope(method, uri, query, user, None, "kubectl/v1.36.0", media_type, raw)
        call = calls.read(envelope, self.catalogue, path)
        own: list[Json] = []
        before, self.told.asked, self.told.denying = self.told.asked, own, denied
        if meanwhile:
            self.told.meanwhile.append(meanwhile)
        trail = audit.Trail()
        code, document = self._answer(call, trail)
        self.told.asked, self.told.denying = before, False
        event = trail.event(call, code, document)
        event["stageTimestamp"] = self.clock().isoformat().replace("+00:00", "Z")
        return Written(deepcopy(own), deepcopy(event), code < 400)

    def _answer(self, call: calls.Call, trail: audit.Trail) -> tuple[int, Json]:
        writers = {"create": self.writes.create, "update": self.writes.update, "patch": self.writes.patch}
        try:
            return writers.get(call.verb, self.writes.delete)(call, trail)
        except refusals.Refusal as refusal:
            return refusal.code, refusal.document()


def deployment(image: str) -> Json:
    """Return the Deployment `web` as a person writes it."""
    container = {"name": "web", "image": image, "env": [{"name": "MODE", "value": "0"}]}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels, "annotations": {"team": "shop"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": NAME, "annotations": dict(ANNOTATIONS)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
