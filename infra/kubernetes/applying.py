"""Puts the manifests into a cluster, and a certificate where the subscriber needs one."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from infra.kubernetes import certificates
from infra.kubernetes.objects import build, namespace_of, resource_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options
from shared.errors import Misconfigured, NotFound
from shared.ports.kubernetes import KubernetesApi

Json = dict[str, Any]

WEBHOOKS: Final = "admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
SECRETS: Final = "v1/secrets"
YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Served:
    """What a cluster's Secret holds: the certificate, and the authorities that the API server is told to trust."""

    certificate: bytes
    authority: bytes
    key: bytes = field(repr=False)


def apply(api: KubernetesApi, options: Options) -> list[Json]:
    """Apply everything server-side, the webhook last, and return what was applied.

    Where the certificate is ours to make, one is made if none is there or its end is near. Raises `Misconfigured` where
    cert-manager is to issue it and is not installed.
    """
    if any(obj["kind"] == "Issuer" and not api.serves(resource_of(obj)) for obj in build(options)):
        raise Misconfigured("the cluster has no cert-manager: install it, or go without --certificate cert-manager")
    *objects, _ = build(options)
    for obj in objects:
        api.apply(resource_of(obj), namespace_of(obj), obj)
    *_, webhook = build(_trusting(api, options))
    api.apply(resource_of(webhook), "", webhook)
    return [*objects, webhook]


def renew(api: KubernetesApi, namespace: str, *, days: int = YEAR, force: bool = False) -> Served | None:
    """Return a new certificate, put into its Secret and vouched for in the webhook; None while the old one is good.

    The API server is told first to trust the new authority beside the old one, since pods see the Secret later.
    """
    now = datetime.now(UTC)
    old = served(api, namespace)
    if old and not force and not _is_bad(old, namespace, now):
        _trust(api, old.authority)
        return None
    made = certificates.make(namespace, now, days)
    bundle = certificates.trimmed(made.authority, old.authority, old.certificate) if old else made.authority
    _trust(api, bundle)
    new = Served(made.certificate, bundle, made.key)
    api.apply(SECRETS, namespace, secret(namespace, new))
    return new


def served(api: KubernetesApi, namespace: str) -> Served | None:
    """Return what the Secret of the certificate holds, None if there is none."""
    try:
        data = api.get(SECRETS, namespace, TLS).get("data") or {}
    except NotFound:
        return None
    return Served(*(b64decode(data.get(name) or "") for name in ("tls.crt", "ca.crt", "tls.key")))


def has_key(api: KubernetesApi, namespace: str) -> bool:
    """Whether the Secret is there that the subscriber's key is mounted from; its pods wait for that."""
    try:
        api.get(SECRETS, namespace, NAME)
    except NotFound:
        return False
    return True


def webhook_of(api: KubernetesApi) -> Json | None:
    """Return the registration as the API server has it, None if there is none."""
    try:
        return api.get(WEBHOOKS, "", CONFIGURATION)
    except NotFound:
        return None


def _trusting(api: KubernetesApi, options: Options) -> Options:
    if options.direct or options.certificate != "own":
        return options
    renew(api, options.namespace)
    there = served(api, options.namespace)
    assert there is not None
    return msgspec.structs.replace(options, authority=there.authority)


def _is_bad(old: Served, namespace: str, now: datetime) -> bool:
    return bool(
        certificates.objection(old.authority, old.certificate, namespace, now)
        or certificates.ends(old.certificate) - now < certificates.SOON
    )


def _trust(api: KubernetesApi, bundle: bytes) -> None:
    """Have the registration trust these authorities, if it is there and calls the Service.

    It is applied whole: what is applied without an entry later on takes that entry away, whoever wrote its caBundle.
    """
    live = webhook_of(api)
    if live is None:
        return
    told = {"caBundle": b64encode(bundle).decode()}
    clients = [entry["clientConfig"] for entry in live["webhooks"] if "service" in entry["clientConfig"]]
    if all(told.items() <= client.items() for client in clients):
        return
    for client in clients:
        client.update(told)
    metadata = {name: live["metadata"][name] for name in ("name", "annotations") if name in live["metadata"]}
    api.apply(WEBHOOKS, "", {**live, "metadata": metadata})


def secret(namespace: str, new: Served) -> Json:
    """Return the Secret that pods mount, with the keys that cert-manager uses."""
    data = {"tls.crt": new.certificate, "ca.crt": new.authority, "tls.key": new.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": TLS, "namespace": namespace},
        "type": "kubernetes.io/tls",
        "data": {name: b64encode(value).decode() for name, value in data.items()},
    }
