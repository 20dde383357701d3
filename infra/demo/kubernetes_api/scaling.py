"""The `scale` subresource: a workload seen as an `autoscaling/v1` Scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.demo.kubernetes_api.documents import lookup
from infra.demo.kubernetes_api.selectors import from_object
from infra.demo.kubernetes_api.storage import revision_of

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document

GROUP, VERSION, KIND = "autoscaling", "v1", "Scale"


def scale_of(workload: Document) -> Document:
    """Return the Scale of a workload: it carries no labels, annotations or generation."""
    meta = workload["metadata"]
    shown = {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
    }
    selector = ",".join(str(one) for one in from_object(lookup(workload, "spec", "selector")))
    return {
        "kind": KIND,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": shown,
        "spec": _spec(lookup(workload, "spec", "replicas", default=0)),
        "status": {"replicas": lookup(workload, "status", "replicas", default=0), "selector": selector},
    }


def _spec(replicas: int) -> Document:
    return {"replicas": replicas} if replicas else {}


def scaled(workload: Document, scale: Document) -> Document:
    """Return the workload with the replicas, and the resourceVersion if there is one, of a Scale."""
    meta = workload["metadata"] | {"resourceVersion": revision_of(scale) or revision_of(workload)}
    spec = workload["spec"] | {"replicas": lookup(scale, "spec", "replicas", default=0)}
    return workload | {"metadata": meta, "spec": spec}
