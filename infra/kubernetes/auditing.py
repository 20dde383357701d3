"""For those who have the API server tell us by its audit backend: the policy and the backend's kubeconfig.

Both are files of the API server's own (`--audit-policy-file`, `--audit-webhook-config-file`), not objects.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from infra.kubernetes.kinds import Kind
from infra.kubernetes.options import Watched
from infra.kubernetes.webhooks import left_out

Json = dict[str, Any]

_NAME: Final = "litmus-gitops"
_VERBS: Final = ("create", "update", "patch", "delete")
_SECRETS: Final = "Secret"


def policy(watched: Watched, namespace: str) -> Json:
    """Return an audit policy that sends whole objects of the watched kinds and nothing else.

    Secrets are left out, since an audit event carries them as they are; the webhook is the way for those.
    """
    rules = [
        {"level": "None", "namespaces": list(left_out(namespace))},
        {"level": "RequestResponse", "verbs": list(_VERBS), "resources": _resources(watched)},
        {"level": "None"},
    ]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitManagedFields": True,
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": rules,
    }


def kubeconfig(url: str, authority: bytes | None) -> Json:
    """Return the audit backend's kubeconfig; the URL holds the cluster's token, so the file is a secret."""
    cluster = {"server": url} | ({"certificate-authority-data": b64encode(authority).decode()} if authority else {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": cluster}],
        "users": [{"name": _NAME, "user": {}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
        "current-context": _NAME,
    }


def _resources(watched: Watched) -> list[Json]:
    groups: dict[str, list[str]] = {}
    for kind in watched.kinds:
        if kind.kind != _SECRETS:
            groups.setdefault(kind.group, []).extend(_names(kind))
    return [{"group": group, "resources": names} for group, names in groups.items()]


def _names(kind: Kind) -> list[str]:
    return [kind.plural, f"{kind.plural}/scale"] if kind.scalable else [kind.plural]
