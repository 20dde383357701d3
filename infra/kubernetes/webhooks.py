"""The registration with the API server: which writes it tells of, whom, and on which conditions."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from infra.kubernetes import conditions
from infra.kubernetes.kinds import Kind, kind_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options, Watched
from shared.errors import Misconfigured

Json = dict[str, Any]

PATH: Final = "/admission"
DOMAIN: Final = "litmus-gitops.io"
STAMP: Final = f"{DOMAIN}/watched"
"""The annotation that says what was asked for, so that `cluster check` knows what should be there."""

_WRITES: Final = ("CREATE", "UPDATE", "DELETE")
_BY_CERT_MANAGER: Final = "cert-manager.io/inject-ca-from"


def configuration(options: Options) -> Json:
    """Return the ValidatingWebhookConfiguration; it can hold up nobody, since failures are ignored within 3 s."""
    kinds = options.watched.kinds
    entries = [
        *(_entry(options, kind, kind.plural, conditions.of_objects(kind, *_who(options))) for kind in kinds),
        *(
            _entry(options, kind, f"{kind.plural}/scale", conditions.of_scales(*_who(options)))
            for kind in kinds
            if kind.scalable
        ),
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "annotations": _annotations(options)},
        "webhooks": entries,
    }


def stamped(live: Mapping[str, Any]) -> Watched:
    """Return what a registration was generated for; `Misconfigured` if it does not say."""
    try:
        told = json.loads((live["metadata"].get("annotations") or {})[STAMP])
        return Watched(tuple(map(kind_of, told["kinds"])), told["metadata"] is True, told["autoscalers"] is True)
    except (KeyError, TypeError, ValueError, Misconfigured) as error:
        raise Misconfigured(f"the annotation {STAMP} does not say what is watched") from error


def issued(live: Mapping[str, Any]) -> bool:
    """Whether cert-manager writes the authority into this registration."""
    return _BY_CERT_MANAGER in (live["metadata"].get("annotations") or {})


def _who(options: Options) -> tuple[Watched, str]:
    return options.watched, options.namespace


def _annotations(options: Options) -> Json:
    watched = msgspec.to_builtins(options.watched) | {"kinds": [kind.written for kind in options.watched.kinds]}
    injected = options.certificate == "cert-manager" and not options.direct
    return {
        STAMP: json.dumps(watched, sort_keys=True),
        **({_BY_CERT_MANAGER: f"{options.namespace}/{TLS}"} if injected else {}),
    }


def _entry(options: Options, kind: Kind, resource: str, found: list[conditions.Condition]) -> Json:
    scale = resource.endswith("/scale")
    rule = {
        "apiGroups": [kind.group],
        "apiVersions": [kind.version],
        "operations": ["UPDATE"] if scale else list(_WRITES),
        "resources": [resource],
    }
    return {
        "name": f"{'scale.' if scale else ''}{kind.plural}.{kind.group or 'core'}.{DOMAIN}",
        "clientConfig": _client(options),
        "rules": [rule],
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
        "namespaceSelector": {"matchExpressions": [_elsewhere(options.namespace)]},
        "matchConditions": found,
    }


def left_out(namespace: str) -> tuple[str, ...]:
    """Return the namespaces of whose objects nothing is told: the cluster's own, and the subscriber's."""
    return ("kube-system", "kube-node-lease", namespace)


def _elsewhere(namespace: str) -> Json:
    return {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(left_out(namespace))}


def _client(options: Options) -> Json:
    service = {"namespace": options.namespace, "name": NAME, "path": PATH, "port": 443}
    place: Json = {"url": options.direct} if options.direct else {"service": service}
    return place | ({"caBundle": b64encode(options.authority).decode()} if options.authority else {})
