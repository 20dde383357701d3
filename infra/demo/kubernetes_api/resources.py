"""The resources that the API server knows, and what it does differently for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.demo.kubernetes_api.documents import pick

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document

STATUS = frozenset({"status"})
SCALABLE = frozenset({"status", "scale"})
EXTENSIONS = "apiextensions.k8s.io"
WEBHOOKS = "admissionregistration.k8s.io"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource; a change at its `counted` dotted paths moves `metadata.generation`, None: it has none."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    counted: tuple[str, ...] | None = None
    unconditional_update: bool = True
    custom: bool = False
    list_kind: str = ""
    singular: str = ""
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """Its name in messages and in storage: versions share their objects."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def counts(self, document: Document) -> Any:
        """Return the part of the document whose change moves its generation."""
        if not self.custom:
            return pick(document, *(self.counted or ()))
        ignored = {"apiVersion", "kind", "metadata"} | (self.subresources & STATUS)
        return {key: value for key, value in document.items() if key not in ignored}


BUILT_IN = (
    Resource("", "v1", "namespaces", "Namespace", namespaced=False, subresources=STATUS, short_names=("ns",)),
    Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",)),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "nodes", "Node", namespaced=False, subresources=STATUS, short_names=("no",)),
    Resource("", "v1", "pods", "Pod", subresources=STATUS, counted=("spec",), short_names=("po",)),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", unconditional_update=False, short_names=("sa",)),
    Resource("", "v1", "services", "Service", subresources=STATUS, short_names=("svc",)),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", subresources=STATUS, counted=("spec",)),
    Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(RBAC, "v1", "roles", "Role"),
    Resource(RBAC, "v1", "rolebindings", "RoleBinding"),
    Resource(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        subresources=STATUS,
        short_names=("hpa",),
    ),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", unconditional_update=False),
    Resource(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        subresources=SCALABLE,
        counted=("spec", "metadata.annotations"),
        short_names=("deploy",),
    ),
    Resource(
        "apps", "v1", "statefulsets", "StatefulSet", subresources=SCALABLE, counted=("spec",), short_names=("sts",)
    ),
    Resource("apps", "v1", "daemonsets", "DaemonSet", subresources=STATUS, counted=("spec",), short_names=("ds",)),
    Resource(
        EXTENSIONS,
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        subresources=STATUS,
        counted=("spec",),
        unconditional_update=False,
        short_names=("crd", "crds"),
    ),
    Resource(
        WEBHOOKS,
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
        counted=("webhooks",),
        unconditional_update=False,
    ),
)


def defined_by(crd: Document) -> list[Resource]:
    """Return the resources, one a served version, that a CustomResourceDefinition adds."""
    spec = crd["spec"]
    names = spec["names"]
    return [
        Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            subresources=frozenset(version.get("subresources") or ()),
            counted=("spec",),
            unconditional_update=False,
            custom=True,
            list_kind=names.get("listKind", ""),
            singular=names.get("singular", ""),
            short_names=tuple(names.get("shortNames", ())),
        )
        for version in spec["versions"]
        if version["served"]
    ]
