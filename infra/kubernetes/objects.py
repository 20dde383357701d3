"""Everything that a cluster needs, as objects in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from infra.kubernetes import issuing, webhooks
from infra.kubernetes.kinds import DEFAULT, Kind
from infra.kubernetes.options import NAME, Options

Json = dict[str, Any]

BASE: Final = Path(__file__).parent
_FILES: Final = ("namespace.yaml", "subscriber-rbac.yaml", "subscriber.yaml")
_READING: Final = ("get", "list", "watch")
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
_CLIENTS: Final = "/run/litmus-gitops/clients"
_CLIENTS_NAME: Final = f"{NAME}-clients"
_BARE: Final = ("tls", "Service")
"""Of the base, what nobody needs where the API server calls the portal itself: the subscriber asks for its orders."""

_PLURALS: Final = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Service": "services",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "Issuer": "issuers",
    "Certificate": "certificates",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}


def build(options: Options) -> list[Json]:
    """Return the objects; the Secret with the key is among them only if the key was given."""
    account, rest = _based(options)
    secret = [_secret(options)] if options.secret else []
    issued = issuing.objects(options.namespace) if options.certificate == "cert-manager" and not options.direct else []
    clients = [_clients(options)] if options.clients else []
    return [*account, *secret, *clients, *issued, *rest, webhooks.configuration(options)]


def resource_of(obj: Json) -> str:
    """Return where the API server serves objects of this kind, `<group>/<version>/<plural>`."""
    return f"{obj['apiVersion']}/{_PLURALS[obj['kind']]}"


def namespace_of(obj: Json) -> str:
    """Return the object's namespace, empty for one of the whole cluster."""
    return str(obj["metadata"].get("namespace", ""))


def _based(options: Options) -> tuple[list[Json], list[Json]]:
    """Return who the subscriber is, and what runs it, from the base."""
    found = [_placed(obj, options) for obj in _base()]
    at = next(place for place, obj in enumerate(found) if obj["kind"] == "Deployment")
    return found[:at], found[at:] if not options.direct else [obj for obj in found[at:] if obj["kind"] not in _BARE]


def _base() -> Iterator[Json]:
    for name in _FILES:
        yield from yaml.safe_load_all((BASE / name).read_text(encoding="utf-8"))


def _placed(obj: Json, options: Options) -> Json:
    """Return an object of the base in the cluster's own namespace, with what is the cluster's own in it."""
    metadata = obj["metadata"]
    if obj["kind"] == "Namespace":
        metadata["name"] = options.namespace
    if "namespace" in metadata:
        metadata["namespace"] = options.namespace
    for subject in obj.get("subjects", ()):
        subject["namespace"] = options.namespace
    if obj["kind"] == "ClusterRole":
        obj["rules"] += [_reading(kind) for kind in options.watched.kinds if kind not in DEFAULT]
    if obj["kind"] == "Deployment":
        _set(obj["spec"]["template"]["spec"], options)
    return obj


def _reading(kind: Kind) -> Json:
    """Return the rule to read a kind; all Secrets of a cluster may not be listed, so only the named one is got."""
    verbs = _READING[:1] if kind.kind == "Secret" else _READING
    return {"apiGroups": [kind.group], "resources": [kind.plural], "verbs": list(verbs)}


def _set(pod: Json, options: Options) -> None:
    (container,) = pod["containers"]
    container["image"] = options.image
    values = _settings(options)
    for variable in container["env"]:
        if variable["name"] in values:
            variable["value"] = values[variable["name"]]
    if options.direct:
        _lay_bare(pod, container)
    elif options.clients:
        _close(pod, container)


def _settings(options: Options) -> dict[str, str]:
    kinds = options.watched.kinds
    return {
        "CLUSTER_ID": options.cluster,
        "PORTAL_URL": options.portal,
        "POLL": str(options.poll).lower(),
        "WATCHED_KINDS": ",".join(kind.kind for kind in kinds),
        "RESOURCES": ",".join(kind.written for kind in kinds if kind.told),
    }


def _lay_bare(pod: Json, container: Json) -> None:
    """Have it serve plain HTTP to its probes alone."""
    container["env"] = [variable for variable in container["env"] if variable["name"] != "TLS_FOLDER"]
    for holder, name in ((container, "volumeMounts"), (pod, "volumes")):
        holder[name] = [one for one in holder[name] if one["name"] not in _BARE]
    container["ports"] = [{"name": "http", "containerPort": 8080}]
    for probe in _PROBES:
        container[probe]["httpGet"] |= {"port": "http", "scheme": "HTTP"}


def _close(pod: Json, container: Json) -> None:
    """Have it answer nobody but the API server; a probe has no certificate to show, and asks for the port alone."""
    container["env"].append({"name": "CLIENT_CA", "value": f"{_CLIENTS}/ca.crt"})
    container["volumeMounts"].append({"name": "clients", "mountPath": _CLIENTS, "readOnly": True})
    pod["volumes"].append({"name": "clients", "configMap": {"name": _CLIENTS_NAME}})
    for name in _PROBES:
        del container[name]["httpGet"]
        container[name]["tcpSocket"] = {"port": "https"}


def _clients(options: Options) -> Json:
    assert options.clients is not None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _CLIENTS_NAME, "namespace": options.namespace},
        "data": {"ca.crt": options.clients.decode()},
    }


def _secret(options: Options) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": options.namespace},
        "stringData": {"secret": options.secret},
    }
