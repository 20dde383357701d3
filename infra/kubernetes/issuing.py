"""What has cert-manager issue the serving certificate: an authority of the namespace's own, and what it vouches for."""

from __future__ import annotations

from typing import Any, Final

from infra.kubernetes.options import NAME, TLS

Json = dict[str, Any]

_API: Final = "cert-manager.io/v1"
_SELF: Final = f"{NAME}-self-signed"
_AUTHORITY: Final = f"{NAME}-authority"
_YEARS: Final = "43800h"
_SHORT: Final = "2160h"


def names_of(namespace: str) -> tuple[str, ...]:
    """Return the names by which the Service is called: the API server uses `<name>.<namespace>.svc`."""
    return f"{NAME}.{namespace}.svc", f"{NAME}.{namespace}.svc.cluster.local", f"{NAME}.{namespace}"


def objects(namespace: str) -> list[Json]:
    """Return two Issuers and two Certificates. The authority outlives what it signs, so a renewal breaks nothing."""
    authority = {"isCA": True, "commonName": _AUTHORITY, "duration": _YEARS}
    serving = {"dnsNames": list(names_of(namespace)), "usages": ["server auth"], "duration": _SHORT}
    return [
        _object("Issuer", _SELF, namespace, {"selfSigned": {}}),
        _certificate(_AUTHORITY, namespace, _SELF, authority),
        _object("Issuer", _AUTHORITY, namespace, {"ca": {"secretName": _AUTHORITY}}),
        _certificate(TLS, namespace, _AUTHORITY, serving),
    ]


def _certificate(name: str, namespace: str, issuer: str, spec: Json) -> Json:
    key = {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}
    kept = {"secretName": name, "privateKey": key, "issuerRef": {"name": issuer, "kind": "Issuer"}}
    return _object("Certificate", name, namespace, {**kept, **spec})


def _object(kind: str, name: str, namespace: str, spec: Json) -> Json:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
