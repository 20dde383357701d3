"""One API server that is two clusters to us: one is heard by admission reviews, the other by audit events."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo import manifests
from tests.real.apiserver import AuditWebhook, RealApiServer
from tests.real.people import Person, Workload
from tests.real.portals import LocalPortal, growth
from tests.real.stories import SOURCES
from tests.real.waiting import eventually

Stage = tuple[LocalPortal, RealApiServer]

NAMESPACE = "shop"
REVIEWS = "litmus_gitops_reviews_total"
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [{"group": "apps"}],
        },
        {"level": "None"},
    ],
}


@contextmanager
def heard(folder: Path) -> Iterator[Stage]:
    """Serve the portal with its project first, since an API server is told of its audit webhook as it starts."""
    with LocalPortal(folder) as portal:
        portal.open_project({"web.yaml": manifests.EXPERIMENT})
        admission, audit = (portal.register(cluster) for cluster in SOURCES)
        webhook = AuditWebhook(audit["audit_url"], portal.certificates.ca, POLICY, max_wait_ms=100)
        with RealApiServer(audit=webhook) as server:
            admin = Person(server)
            admin.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            watch(portal, admin, admission["admission_url"], NAMESPACE)
            yield portal, server


def watch(portal: LocalPortal, admin: Person, url: str, namespace: str) -> None:
    """Register the webhook for all namespaces, and wait until it is called; the namespace is where that is tried."""
    hook = manifests.webhook(url, b64encode(portal.certificates.ca.read_bytes()).decode())
    del hook["webhooks"][0]["namespaceSelector"]
    admin.call("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", hook)
    grown = growth(portal.metrics, REVIEWS)
    probe = Workload(admin, "Deployment", namespace, "probe")
    eventually(lambda: bool(probe.create(dryRun="All") and grown()), "the webhook is called")
