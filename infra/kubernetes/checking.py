"""Looks in the cluster for what keeps changes and orders from arriving."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from infra.kubernetes import certificates, findings
from infra.kubernetes.applying import Served, has_key, served, webhook_of
from infra.kubernetes.findings import Finding
from infra.kubernetes.objects import build, namespace_of, resource_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options, Watched, wanted
from infra.kubernetes.webhooks import configuration, issued, stamped
from shared.clients.kubernetes import Kubernetes
from shared.errors import LitmusGitopsError, Misconfigured, NotFound

Json = dict[str, Any]

_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
_CLUSTER: Final = "cluster"


class Known(msgspec.Struct, frozen=True):
    """What the portal knows: the ids of its experiments, its policies as rows, and its clock."""

    cluster: str
    project: str
    namespace: str
    experiments: frozenset[str]
    policies: tuple[Mapping[str, Any], ...]
    clock: datetime

    @property
    def command(self) -> str:
        """Return the command that applies the cluster's objects."""
        return f"litmus-gitops cluster manifest {self.cluster} -p {self.project} --apply"

    @property
    def manifest(self) -> str:
        """Return how to put the objects right: without its options it would set the image and the kinds back."""
        return f"{self.command}, with the options that the cluster was set up with"

    @property
    def renewal(self) -> str:
        """Return the command that makes another certificate."""
        return f"litmus-gitops cluster certificate {self.cluster} --renew"


def look(api: Kubernetes, known: Known) -> Iterator[Finding]:
    """Yield what is wrong in the cluster; what may not be read is itself a finding."""
    seen: list[Watched] = []
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: findings.clocks(known.clock, api.now()),
        lambda: _registration(api, known, seen),
        lambda: _subscriber(api, known),
        lambda: _rights(api, known, seen),
        lambda: _workloads(api, known, seen),
    )
    for one in looks:
        try:
            yield from one()
        except LitmusGitopsError as error:
            yield Finding(_CLUSTER, str(error), "look with a kubeconfig that reaches the cluster and may read this")


def _registration(api: Kubernetes, known: Known, seen: list[Watched]) -> Iterator[Finding]:
    live = webhook_of(api)
    if live is None:
        what = f"the API server tells nobody: there is no ValidatingWebhookConfiguration {CONFIGURATION}"
        yield Finding(_CLUSTER, what, known.manifest)
        return
    try:
        seen.append(stamped(live))
    except Misconfigured as error:
        yield Finding(_CLUSTER, f"the ValidatingWebhookConfiguration {CONFIGURATION}: {error}", known.manifest)
        return
    yield from findings.registration(live, configuration(_options(live, known, seen[0])), known.manifest)
    yield from _asked_for(known, seen[0])
    called = _called(live)
    yield from _direct(called, known) if called is not None else _service(api, live, known)


def _options(live: Json, known: Known, watched: Watched) -> Options:
    return Options(namespace=known.namespace, watched=watched, direct=_called(live))


def _called(live: Json) -> str | None:
    """Return the URL that the API server calls, None where it calls a Service."""
    urls: list[str] = [entry["clientConfig"]["url"] for entry in live["webhooks"] if "url" in entry["clientConfig"]]
    return urls[0] if urls else None


def _asked_for(known: Known, watched: Watched) -> Iterator[Finding]:
    """Find policies that want to know more than the API server tells."""
    more = wanted(watched.kinds, known.policies, metadata=watched.metadata, scaling=watched.autoscalers)
    if more.metadata != watched.metadata:
        yield Finding(_CLUSTER, "a policy names metadata, of which the API server tells nothing", known.manifest)
    if more.autoscalers != watched.autoscalers:
        yield Finding(_CLUSTER, "a policy counts autoscalers, of which the API server tells nothing", known.manifest)


def _direct(url: str, known: Known) -> Iterator[Finding]:
    path = urlsplit(url).path
    if f"/admission/{known.cluster}/" not in path:
        mend = f"{known.command} --direct FILE, with the admission_url that registering {known.cluster} showed"
        yield Finding(_CLUSTER, f"the webhook's URL is not that of cluster {known.cluster}", mend)


def _service(api: Kubernetes, live: Json, known: Known) -> Iterator[Finding]:
    if _get(api, "v1/services", known.namespace, NAME) is None:
        yield Finding(_CLUSTER, f"the Service {known.namespace}/{NAME} is missing", known.manifest)
    mend = f"see cert-manager's Certificate {known.namespace}/{TLS}" if issued(live) else known.renewal
    there = served(api, known.namespace)
    if there is None:
        yield Finding(_CLUSTER, f"the Secret {known.namespace}/{TLS} is missing", mend)
    else:
        yield from _certificate(live, there, known.namespace, mend)


def _certificate(live: Json, there: Served, namespace: str, mend: str) -> Iterator[Finding]:
    now = datetime.now(UTC)
    bundles = {b64decode(entry["clientConfig"].get("caBundle") or "") for entry in live["webhooks"]}
    reasons = (certificates.objection(bundle, there.certificate, namespace, now) for bundle in bundles)
    if wrong := next(filter(None, reasons), ""):
        yield Finding(_CLUSTER, f"the API server refuses the subscriber's certificate: {wrong}", mend)
    elif certificates.ends(there.certificate) - now < certificates.SOON:
        what = f"the subscriber's certificate ends at {certificates.ends(there.certificate):%F %T} UTC"
        yield Finding(_CLUSTER, what, mend)


def _subscriber(api: Kubernetes, known: Known) -> Iterator[Finding]:
    live = _get(api, "apps/v1/deployments", known.namespace, NAME)
    if live is None:
        yield Finding(_CLUSTER, f"the Deployment {known.namespace}/{NAME} is missing", known.manifest)
        return
    if not has_key(api, known.namespace):
        what = f"the Secret {known.namespace}/{NAME} is missing, which holds the subscriber's key"
        yield Finding(
            _CLUSTER, what, f"{known.command} --with-secret FILE, and the options that the cluster was set up with"
        )
    pods = api.list("v1/pods", known.namespace, f"app.kubernetes.io/name={NAME}")
    yield from findings.deployment(live, known.cluster, findings.waiting(pods), known.manifest)


def _rights(api: Kubernetes, known: Known, seen: list[Watched]) -> Iterator[Finding]:
    watched = seen[0] if seen else Watched()
    needed = ["configmaps", *(kind.plural for kind in watched.kinds)]
    for obj in build(Options(namespace=known.namespace, watched=watched)):
        if "rules" in obj or obj["kind"] in _BINDINGS:
            live = _get(api, resource_of(obj), namespace_of(obj), obj["metadata"]["name"])
            yield from (
                findings.bound(live, obj, known.manifest)
                if obj["kind"] in _BINDINGS
                else findings.rights(live, obj, needed, known.manifest)
            )


def _workloads(api: Kubernetes, known: Known, seen: list[Watched]) -> Iterator[Finding]:
    found: list[Json] = []
    for kind in (seen[0] if seen else Watched()).kinds:
        try:
            found += api.list(kind.resource)
        except NotFound:
            what = f"the API server serves no {kind.resource}"
            yield Finding(_CLUSTER, what, f"install the definition of {kind.kind}, or do without --kind {kind.kind}")
    yield from findings.workloads(found, known.experiments, known.namespace, known.project)


def _get(api: Kubernetes, resource: str, namespace: str, name: str) -> Json | None:
    try:
        return api.get(resource, namespace, name)
    except NotFound:
        return None
