"""Manifests applied to a Kubernetes API, and the certificate that is made there."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.demo.kubernetes_api.server import ApiServer
from infra.kubernetes.applying import SECRETS, WEBHOOKS, Served, apply, renew, secret, served, webhook_of
from infra.kubernetes.certificates import make, objection
from infra.kubernetes.kinds import kind_of
from infra.kubernetes.objects import build, namespace_of, resource_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options, Watched
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from shared.errors import Misconfigured, NotFound

NAMESPACE = "litmus-gitops"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Kubernetes]:
    with ApiServer() as server:
        yield open_kubernetes(str(server.kubeconfig(tmp_path / "kubeconfig")))


def bundle(api: Kubernetes) -> bytes:
    """Return what every entry of the registration trusts."""
    live: Any = webhook_of(api)
    (found,) = {entry["clientConfig"]["caBundle"] for entry in live["webhooks"]}
    return b64decode(found)


def there(api: Kubernetes) -> Served:
    found = served(api, NAMESPACE)
    assert found is not None
    return found


def wrong(api: Kubernetes) -> str:
    return objection(bundle(api), there(api).certificate, NAMESPACE, datetime.now(UTC))


def test_everything_is_there_once_it_is_applied_and_applying_again_changes_nothing(api: Kubernetes) -> None:
    options = Options(cluster="c1", secret="whsec_YQ==")
    apply(api, options)

    def versions() -> list[str]:
        objects = [(resource_of(obj), namespace_of(obj), obj["metadata"]["name"]) for obj in build(options)]
        return [api.get(*place)["metadata"]["resourceVersion"] for place in [*objects, (SECRETS, NAMESPACE, TLS)]]

    before = versions()
    assert "" == wrong(api)
    apply(api, options)
    assert before == versions()


def test_a_webhook_that_is_no_longer_wanted_goes(api: Kubernetes) -> None:
    apply(api, Options(watched=Watched(tuple(map(kind_of, ("Deployment", "ConfigMap"))))))
    renew(api, NAMESPACE, force=True)
    apply(api, Options(watched=Watched((kind_of("ConfigMap"),))))
    live: Any = webhook_of(api)
    assert ["configmaps.core.litmus-gitops.io"] == [entry["name"] for entry in live["webhooks"]]
    assert "" == wrong(api)


def test_a_good_certificate_is_kept_and_another_is_made_when_asked(api: Kubernetes) -> None:
    apply(api, Options())
    first = there(api)
    assert (None, first) == (renew(api, NAMESPACE), there(api))
    second = renew(api, NAMESPACE, force=True)
    assert second == there(api) != first
    assert "" == objection(bundle(api), first.certificate, NAMESPACE, datetime.now(UTC))
    renew(api, NAMESPACE, force=True)
    assert ("", 2) == (wrong(api), bundle(api).count(b"BEGIN CERTIFICATE"))
    assert "no authority" in objection(bundle(api), first.certificate, NAMESPACE, datetime.now(UTC))


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(make(NAMESPACE, datetime.now(UTC), 29), id="near its end"),
        pytest.param(make("elsewhere", datetime.now(UTC), 365), id="another name"),
        pytest.param(make(NAMESPACE, datetime.now(UTC) - timedelta(days=400), 365), id="over"),
        pytest.param(Served(b"none", b"none", b"none"), id="no certificate"),
    ],
)
def test_a_bad_certificate_is_replaced(api: Kubernetes, old: Any) -> None:
    apply(api, Options())
    api.apply(SECRETS, NAMESPACE, secret(NAMESPACE, Served(old.certificate, old.authority, old.key)))
    assert renew(api, NAMESPACE) == there(api)
    assert "" == wrong(api)


def test_the_api_server_is_told_of_a_new_authority_before_pods_can_serve_by_it(api: Kubernetes) -> None:
    apply(api, Options())
    first = api.get(WEBHOOKS, "", CONFIGURATION)["metadata"]["resourceVersion"]
    renew(api, NAMESPACE, force=True)
    told = api.get(WEBHOOKS, "", CONFIGURATION)["metadata"]["resourceVersion"]
    secret = api.get(SECRETS, NAMESPACE, TLS)["metadata"]["resourceVersion"]
    assert int(first) < int(told) < int(secret)


def test_what_a_url_is_called_by_needs_no_certificate(api: Kubernetes) -> None:
    apply(api, Options(direct="https://portal.example.org/admission/c1/t"))
    assert served(api, NAMESPACE) is None
    apply_over = Options(certificate="cert-manager", direct="https://portal.example.org/admission/c1/t")
    assert NAME in {obj["metadata"]["name"] for obj in apply(api, apply_over)}


def test_where_cert_manager_is_not_installed_nothing_is_applied(api: Kubernetes) -> None:
    with pytest.raises(Misconfigured, match="the cluster has no cert-manager: install it"):
        apply(api, Options(certificate="cert-manager"))
    with pytest.raises(NotFound):
        api.get("v1/namespaces", "", NAMESPACE)
