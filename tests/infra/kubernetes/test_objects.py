"""Generated objects, held to the schemas that Kubernetes publishes and to what the design says of them."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from infra.kubernetes import auditing
from infra.kubernetes.kinds import kind_of
from infra.kubernetes.objects import build, resource_of
from infra.kubernetes.options import IMAGE, NAME, TLS, Options, Watched, wanted
from infra.kubernetes.webhooks import configuration, stamped
from shared.errors import Misconfigured

ROOT = Path(__file__).parents[3]
BASE, OVERLAY = ROOT / "infra" / "kubernetes", ROOT / "infra" / "overlays" / "staging"
VERSION = "1.36"
URL = "https://portal.example.org/admission/c1/a-token"
MORE = Watched(tuple(map(kind_of, ("Deployment", "Secret", "Rollout", "Gadget=example.org/v1/gadgets"))))
CHOICES = [
    pytest.param(Options(), id="default"),
    pytest.param(Options(cluster="c1", namespace="chaos-portal", image="x:1", secret="whsec_YQ=="), id="all told"),
    pytest.param(Options(watched=MORE, certificate="cert-manager"), id="more kinds, cert-manager"),
    pytest.param(Options(direct=URL, authority=b"PEM", poll=False), id="direct"),
    pytest.param(Options(clients=b"PEM"), id="mutual TLS"),
]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [obj for obj in objects if obj["kind"] == kind]


def validated(obj: dict[str, Any]) -> None:
    if "cert-manager" not in obj["apiVersion"]:
        kubernetes_validate.validate(obj, VERSION, strict=True)


@pytest.mark.parametrize("options", CHOICES)
def test_every_object_is_valid(options: Options) -> None:
    objects = build(options)
    for obj in objects:
        validated(obj)
        assert resource_of(obj)
    names = [(obj["kind"], obj["metadata"]["name"]) for obj in objects]
    assert len(names) == len(set(names))
    assert ("Namespace", "ValidatingWebhookConfiguration") == (names[0][0], names[-1][0])


def test_a_broken_object_is_not_valid() -> None:
    broken = configuration(Options())
    broken["webhooks"][0]["timeoutSeconds"] = "3"
    with pytest.raises(kubernetes_validate.ValidationError):
        validated(broken)


@pytest.mark.parametrize("options", CHOICES)
def test_everything_is_in_the_one_namespace_and_no_secret_is_shown_unasked(options: Options) -> None:
    objects = build(options)
    spaces = {obj["metadata"].get("namespace", options.namespace) for obj in objects}
    subjects = {one["namespace"] for obj in objects for one in obj.get("subjects", ())}
    assert ({options.namespace},) * 2 == (spaces, subjects)
    assert options.namespace == objects[0]["metadata"]["name"]
    assert (options.secret is not None) == bool(of_kind(objects, "Secret"))
    assert "whsec" not in repr(options)
    assert URL not in repr(options)


@pytest.mark.parametrize("options", CHOICES)
def test_the_subscriber_has_no_privilege(options: Options) -> None:
    (deployment,) = of_kind(build(options), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (2, True) == (deployment["spec"]["replicas"], pod["securityContext"]["runAsNonRoot"])
    assert {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}} == (
        container["securityContext"]
    )
    assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= set(container)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_a_subscriber_that_asks_for_certificates_is_probed_without_one() -> None:
    objects = build(Options(clients=b"PEM"))
    (deployment,) = of_kind(objects, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"port": "https"} == container["readinessProbe"]["tcpSocket"] == container["livenessProbe"]["tcpSocket"]
    (clients,) = of_kind(objects, "ConfigMap")
    assert {"ca.crt": "PEM"} == clients["data"]
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert f"{mounted['clients']}/ca.crt" == env(Options(clients=b"PEM"))["CLIENT_CA"]
    assert "CLIENT_CA" not in env(Options())


def env(options: Options) -> dict[str, Any]:
    (deployment,) = of_kind(build(options), "Deployment")
    return {one["name"]: one.get("value") for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}


def test_the_subscriber_is_told_what_is_the_clusters_own() -> None:
    told = env(Options(cluster="c1", portal="https://p.example.org", watched=MORE, poll=False))
    assert {
        "CLUSTER_ID": "c1",
        "PORTAL_URL": "https://p.example.org",
        "POLL": "false",
        "WATCHED_KINDS": "Deployment,Secret,Rollout,Gadget",
        "RESOURCES": "Gadget=example.org/v1/gadgets",
        "TLS_FOLDER": "/run/litmus-gitops/tls",
    }.items() <= told.items()


def test_more_kinds_are_read_and_secrets_only_by_name() -> None:
    (role,) = of_kind(build(Options(watched=MORE)), "ClusterRole")
    (plain,) = of_kind(build(Options()), "ClusterRole")
    reading = ["get", "list", "watch"]
    assert [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": reading},
        {"apiGroups": ["example.org"], "resources": ["gadgets"], "verbs": reading},
    ] == role["rules"][len(plain["rules"]) :]


@pytest.mark.parametrize("options", CHOICES)
def test_the_webhook_holds_up_nobody_and_leaves_the_system_and_us_out(options: Options) -> None:
    for entry in configuration(options)["webhooks"]:
        assert ("Ignore", 3, "NoneOnDryRun", "Equivalent") == (
            entry["failurePolicy"],
            entry["timeoutSeconds"],
            entry["sideEffects"],
            entry["matchPolicy"],
        )
        (left,) = entry["namespaceSelector"]["matchExpressions"]
        assert ("NotIn", ["kube-system", "kube-node-lease", options.namespace]) == (left["operator"], left["values"])


def test_the_webhook_calls_the_service_or_the_url() -> None:
    service = {"namespace": "litmus-gitops", "name": NAME, "path": "/admission", "port": 443}
    assert {"service": service} == configuration(Options())["webhooks"][0]["clientConfig"]
    client = configuration(Options(direct=URL, authority=b"PEM"))["webhooks"][0]["clientConfig"]
    assert (URL, b"PEM") == (client["url"], b64decode(client["caBundle"]))
    assert not of_kind(build(Options(direct=URL)), "Service")
    assert TLS not in yaml.safe_dump(of_kind(build(Options(direct=URL)), "Deployment"))


def test_each_kind_has_a_webhook_of_its_own_and_its_scale_another() -> None:
    assert {
        "deployments.apps.litmus-gitops.io": ["deployments"],
        "secrets.core.litmus-gitops.io": ["secrets"],
        "rollouts.argoproj.io.litmus-gitops.io": ["rollouts"],
        "gadgets.example.org.litmus-gitops.io": ["gadgets"],
        "scale.deployments.apps.litmus-gitops.io": ["deployments/scale"],
        "scale.rollouts.argoproj.io.litmus-gitops.io": ["rollouts/scale"],
    } == {entry["name"]: entry["rules"][0]["resources"] for entry in configuration(Options(watched=MORE))["webhooks"]}


@pytest.mark.parametrize("watched", [Watched(), MORE, Watched(metadata=True, autoscalers=True)])
def test_the_registration_says_what_it_was_generated_for(watched: Watched) -> None:
    assert watched == stamped(configuration(Options(watched=watched)))


def test_cert_manager_issues_and_injects() -> None:
    objects = build(Options(certificate="cert-manager"))
    certificates = {obj["metadata"]["name"]: obj["spec"] for obj in of_kind(objects, "Certificate")}
    assert f"{NAME}.litmus-gitops.svc" == certificates[TLS]["dnsNames"][0]
    assert TLS == certificates[TLS]["secretName"]
    injected = objects[-1]["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert f"litmus-gitops/{TLS}" == injected
    issuers = {obj["metadata"]["name"] for obj in of_kind(objects, "Issuer")}
    assert issuers == {spec["issuerRef"]["name"] for spec in certificates.values()}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], (False, False), id="none"),
        pytest.param([("spec.replicas", False)], (False, False), id="of the spec"),
        pytest.param([("spec.template.metadata.labels.a", False)], (False, False), id="of the pods' metadata"),
        pytest.param([("metadata.labels.team", False)], (True, False), id="of metadata"),
        pytest.param([('[spec.replicas, "metadata".labels]', False)], (True, False), id="of metadata among others"),
        pytest.param([("spec.replicas", True)], (False, True), id="autoscalers"),
    ],
)
def test_what_policies_ask_for_is_watched(policies: list[tuple[str, bool]], expected: tuple[bool, bool]) -> None:
    rows = [{"conditions": [{"key": key}], "autoscalers": scaling} for key, scaling in policies]
    found = wanted([kind_of("Secret"), kind_of("Deployment")], rows, metadata=False, scaling=False)
    assert expected == (found.metadata, found.autoscalers)
    assert ["Deployment", "StatefulSet", "DaemonSet", "Secret"] == [kind.kind for kind in found.kinds]


@pytest.mark.parametrize("text", ["Gadget", "Gadget=gadgets", "v1/configmaps", "=v1/configmaps", "A=a/b/c/d", "A=a//c"])
def test_a_kind_that_cannot_be_placed_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(Misconfigured, match="write Kind=group/version/plural"):
        kind_of(text)


def test_the_audit_policy_sends_the_watched_kinds_whole_but_no_secrets() -> None:
    left, sent, rest = auditing.policy(MORE, "litmus-gitops")["rules"]
    assert ("None", "RequestResponse", {"level": "None"}) == (left["level"], sent["level"], rest)
    assert [
        {"group": "apps", "resources": ["deployments", "deployments/scale"]},
        {"group": "argoproj.io", "resources": ["rollouts", "rollouts/scale"]},
        {"group": "example.org", "resources": ["gadgets"]},
    ] == sent["resources"]


def test_the_base_is_what_is_generated() -> None:
    base = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    texts = [(BASE / name).read_text() for name in base["resources"]]
    assert build(Options()) == [obj for text in texts for obj in yaml.safe_load_all(text)]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_the_overlay(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "infra", tmp_path, dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if n == "demo"]
    )
    overlay = tmp_path / "overlays" / "staging"
    (overlay / "key").write_text("whsec_YQ==")
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, check=True, text=True)
    objects = list(yaml.safe_load_all(done.stdout))
    for obj in objects:
        validated(obj)
    assert {obj["kind"] for obj in build(Options(secret="x"))} == {obj["kind"] for obj in objects}
    (deployment,) = of_kind(objects, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "images.example.org/litmus-gitops-subscriber:0.1.0" == container["image"]
    assert {"name": "CLUSTER_ID", "value": "staging"} in container["env"]
    assert len(env(Options())) == len(container["env"])


def test_the_overlay_changes_what_is_in_the_base() -> None:
    overlay = yaml.safe_load((OVERLAY / "kustomization.yaml").read_text())
    assert [BASE] == [(OVERLAY / name).resolve() for name in overlay["resources"]]
    (patch,) = [yaml.safe_load((OVERLAY / one["path"]).read_text()) for one in overlay["patches"]]
    (deployment,) = of_kind(build(Options()), "Deployment")
    same = [(obj["kind"], obj["apiVersion"], obj["metadata"]["name"]) for obj in (patch, deployment)]
    assert same[0] == same[1]
    changed = {one["name"] for one in patch["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert changed <= env(Options()).keys()
    assert overlay["images"][0]["name"] == IMAGE.partition(":")[0]
    assert (NAME, ["secret=key"]) == (overlay["secretGenerator"][0]["name"], overlay["secretGenerator"][0]["files"])
