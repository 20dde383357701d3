"""`litmus-gitops cluster manifest`, `certificate` and `check`, against a real portal and a Kubernetes API."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from infra.cli.main import main
from infra.demo.kubernetes_api.server import ApiServer
from infra.kubernetes.options import NAME, TLS
from shared.clients.ids import new_id
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from shared.model.projects import Presence
from shared.services.ledger import Ledger
from shared.services.tables import PRESENCE
from tests.infra.commanding import TOKEN, Served, served

NAMESPACE = "litmus-gitops"
NOW = datetime(2026, 10, 30, 9, 0, 0, tzinfo=UTC)
PORTAL = "https://portal.example.org"
DEPLOYMENTS = "apps/v1/deployments"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        yield made


@pytest.fixture(scope="module")
def registered(portal: Served) -> dict[str, str]:
    """What registering the cluster showed."""
    found: dict[str, str] = portal.api("POST", "/projects/shop/clusters", {"id": "c1", "name": "c1"})
    return found | {name: found[name].replace("http://", "https://") for name in ("admission_url", "audit_url")}


@pytest.fixture
def shown(registered: dict[str, str], tmp_path: Path) -> str:
    path = tmp_path / "c1.json"
    path.write_text(json.dumps(registered))
    return str(path)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    with ApiServer() as api:
        yield api.kubeconfig(tmp_path / "kubeconfig")


def run(portal: Served, *words: str, given: str | None = None, code: int = 0) -> Result:
    """Run the command in this process, and claim its exit status."""
    line = ["--server", portal.engine.url, "--token", TOKEN, "cluster", *words]
    done = CliRunner().invoke(main, line, input=given, env={"KUBECONFIG": None})
    assert (code, words) == (done.exit_code, words), done.output
    return done


def manifest(portal: Served, *words: str) -> list[dict[str, Any]]:
    done = run(portal, "manifest", "c1", "-p", "shop", "--portal-url", PORTAL, *words)
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.usefixtures("registered")
def test_everything_that_a_cluster_needs_is_printed_without_a_secret(
    portal: Served, registered: dict[str, str]
) -> None:
    done = run(portal, "manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--kind", "ConfigMap")
    objects = list(yaml.safe_load_all(done.stdout))
    kinds = [obj["kind"] for obj in objects]
    assert ("Namespace", "ValidatingWebhookConfiguration") == (kinds[0], kinds[-1])
    assert {"Deployment", "Service", "ClusterRole", "PodDisruptionBudget"} <= set(kinds)
    assert "configmaps.core.litmus-gitops.io" in done.stdout
    assert "Secret" not in kinds
    assert registered["subscriber_secret"] not in done.output
    assert "--with-secret FILE adds it" in done.stderr
    assert "litmus-gitops cluster certificate c1" in done.stderr


def test_the_key_and_the_url_come_from_what_registering_printed(
    portal: Served, registered: dict[str, str], shown: str
) -> None:
    objects = manifest(portal, "--with-secret", shown, "--direct", shown)
    (secret,) = [obj for obj in objects if obj["kind"] == "Secret"]
    assert (NAME, registered["subscriber_secret"]) == (secret["metadata"]["name"], secret["stringData"]["secret"])
    urls = {entry["clientConfig"]["url"] for entry in objects[-1]["webhooks"]}
    assert {registered["admission_url"]} == urls


def test_the_key_alone_may_come_by_stdin(portal: Served, registered: dict[str, str]) -> None:
    words = ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--with-secret", "-")
    done = run(portal, *words, given=registered["subscriber_secret"] + "\n")
    assert registered["subscriber_secret"] in done.stdout


def test_within_a_grace_the_former_key_may_stand_behind_the_new_one(
    portal: Served, registered: dict[str, str], shown: str, tmp_path: Path
) -> None:
    rotated = tmp_path / "rotated.json"
    rotated.write_text(json.dumps({"subscriber_secret": "whsec_bmV3"}))
    objects = manifest(portal, "--with-secret", str(rotated), "--with-secret", shown)
    (secret,) = [obj for obj in objects if obj["kind"] == "Secret"]
    assert f"whsec_bmV3 {registered['subscriber_secret']}" == secret["stringData"]["secret"]


def test_the_audit_backend_has_its_policy_and_its_kubeconfig(
    portal: Served, registered: dict[str, str], shown: str, tmp_path: Path
) -> None:
    (policy,) = manifest(portal, "--audit-policy")
    assert ("audit.k8s.io/v1", "Policy") == (policy["apiVersion"], policy["kind"])
    (tmp_path / "ca.pem").write_bytes(b"PEM")
    (config,) = manifest(portal, "--audit-kubeconfig", shown, "--ca", str(tmp_path / "ca.pem"))
    place = config["clusters"][0]["cluster"]
    assert (registered["audit_url"], b"PEM") == (place["server"], b64decode(place["certificate-authority-data"]))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("manifest", "c9", "-p", "shop"), 1, "register it with litmus-gitops cluster add c9", id="c9"),
        pytest.param(("manifest", "c1", "-p", "shop"), 2, "give the portal's address with --portal-url", id="loopback"),
        pytest.param(
            ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--kind", "Gadget"),
            2,
            "write Kind=group/version/plural",
            id="kind",
        ),
        pytest.param(
            ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--with-secret", "-"),
            1,
            "holds no subscriber_secret",
            id="no secret",
        ),
        pytest.param(
            ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--direct", "-"),
            1,
            "holds no admission_url, which begins with https://",
            id="no url",
        ),
        pytest.param(
            ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--apply"), 2, "set KUBECONFIG", id="no cluster"
        ),
        pytest.param(
            ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--client-ca", "-"),
            2,
            "holds no certificate",
            id="no authority",
        ),
        pytest.param(("certificate", "c1"), 2, "set KUBECONFIG", id="certificate of no cluster"),
    ],
)
@pytest.mark.usefixtures("registered")
def test_what_cannot_be_done_is_refused_with_the_mend(
    portal: Served, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in run(portal, *words, given="nothing of the kind", code=code).output


def rows(portal: Served, kubeconfig: Path, code: int, *words: str) -> dict[str, Any]:
    done = run(portal, "check", "c1", "-p", "shop", "--kubeconfig", str(kubeconfig), "--json", *words, code=code)
    return {row["what"]: row for row in json.loads(done.stdout)}


def findings(found: dict[str, Any]) -> list[str]:
    return [what for what, row in found.items() if row["severity"] == "finding"]


def come_up(api: Kubernetes) -> None:
    """Do as a node does, and annotate a workload as a person does."""
    live = api.get(DEPLOYMENTS, NAMESPACE, NAME)
    api.replace(DEPLOYMENTS, NAMESPACE, f"{NAME}/status", live | {"status": {"readyReplicas": 2}})
    annotations = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "kill-1"}
    metadata = {"name": "till", "namespace": "default", "annotations": annotations}
    api.apply(DEPLOYMENTS, "default", {**live, "metadata": metadata})


def heard(portal: Served) -> None:
    portal.store.commit([PRESENCE.put(Presence("c1", "2999-01-01T00:00:00.000Z"), "shop", "c1")])


def test_a_cluster_is_applied_checked_and_given_another_certificate(
    portal: Served, shown: str, kubeconfig: Path
) -> None:
    never = "its subscriber was never heard"
    assert "no ValidatingWebhookConfiguration" in " ".join(findings(rows(portal, kubeconfig, 1)))
    words = ("--portal-url", PORTAL, "--kubeconfig", str(kubeconfig))
    done = run(portal, "manifest", "c1", "-p", "shop", "--apply", *words)
    assert "its pods wait for the Secret with the subscriber's key" in done.stderr
    done = run(portal, "manifest", "c1", "-p", "shop", "--apply", "--with-secret", shown, *words)
    assert "its pods wait" not in done.stderr
    assert "ValidatingWebhookConfiguration litmus-gitops\napplied;" in done.output
    api = open_kubernetes(str(kubeconfig))
    come_up(api)
    assert [never] == findings(rows(portal, kubeconfig, 1))
    heard(portal)
    assert [] == findings(rows(portal, kubeconfig, 0))
    was = api.get("v1/secrets", NAMESPACE, TLS)["data"]["tls.crt"]
    assert "is good" in run(portal, "certificate", "c1", "--kubeconfig", str(kubeconfig)).output
    told = run(portal, "certificate", "c1", "--renew", "--days", "90", "--kubeconfig", str(kubeconfig)).output
    assert "c1 serves with a new certificate until " in told
    assert was != api.get("v1/secrets", NAMESPACE, TLS)["data"]["tls.crt"]
    assert [] == findings(rows(portal, kubeconfig, 0))


def test_a_certificate_that_cert_manager_issues_is_left_to_it(portal: Served, kubeconfig: Path) -> None:
    api = open_kubernetes(str(kubeconfig))
    webhook = manifest(portal, "--certificate", "cert-manager")[-1]
    api.apply("admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "", webhook)
    done = run(portal, "certificate", "c1", "--kubeconfig", str(kubeconfig), code=1)
    assert "cert-manager issues this cluster's certificate" in done.output


def test_a_cluster_that_does_not_answer_is_named(portal: Served, tmp_path: Path) -> None:
    with ApiServer() as api:
        config = str(api.kubeconfig(tmp_path / "gone"))
    for words in (("certificate", "c1"), ("manifest", "c1", "-p", "shop", "--portal-url", PORTAL, "--apply")):
        done = run(portal, *words, "--kubeconfig", config, code=1)
        assert "the Kubernetes API does not answer" in done.output


def test_the_portals_side_alone_is_looked_at_where_no_cluster_is_named(portal: Served) -> None:
    heard(portal)
    done = run(portal, "check", "c1", "-p", "shop")
    assert "cluster: note: the cluster's own side was not looked at\n  set KUBECONFIG" in done.output
    assert "portal: note: the ledger knows no change and no order of this cluster" in done.output
    assert "nothing found: c1 is heard and told" in done.output


def test_the_last_rows_of_the_clusters_own_are_told(portal: Served) -> None:
    portal.api("POST", "/projects/shop/clusters", {"id": "c7", "name": "c7"})
    ledger = Ledger(lambda: NOW, new_id)
    for number, name in enumerate(["c7", "c1", "c7", "c7", "c7"]):
        told: dict[str, Any] = {"verdict": "ignored", "reason": f"reason {number}", "subject": f"Deployment/x/{name}"}
        links = [("cluster", name)]
        portal.store.commit([ledger.row("shop", "change", **told, detail={"cluster": name}, links=links)[1]])
    lines = [line for line in run(portal, "check", "c7", "-p", "shop", code=1).output.splitlines() if "last in" in line]
    assert ["reason 4", "reason 3", "reason 2"] == [line[-8:] for line in lines]
    at = "2026-10-30T09:00:00.000Z"
    assert f"portal: note: last in the ledger: {at} change Deployment/x/c7 ignored: reason 4" == lines[0]


def test_a_cluster_to_which_the_portal_posts_cannot_ask_for_certificates(portal: Served, tmp_path: Path) -> None:
    url = "https://subscriber.example.org"
    portal.api("POST", "/projects/shop/clusters", {"id": "c8", "name": "c8", "subscriber_url": url})
    words = ("manifest", "c8", "-p", "shop", "--portal-url", PORTAL)
    pem = tmp_path / "ca.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----")
    assert "go without --client-ca" in run(portal, *words, "--client-ca", str(pem), code=2).output
    objects = list(yaml.safe_load_all(run(portal, *words).stdout))
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "POLL", "value": "false"} in env
    assert "ConfigMap" in [obj["kind"] for obj in manifest(portal, "--client-ca", str(pem))]


@pytest.mark.parametrize(
    ("cluster", "act", "what"),
    [
        pytest.param("c9", None, "c9 is no cluster of shop", id="not registered"),
        pytest.param("c1", ("PUT", "/clusters/c1/freeze"), "note: the cluster is frozen: no reason given", id="frozen"),
    ],
)
def test_what_the_portal_knows_to_be_in_the_way_is_told(
    portal: Served, cluster: str, act: tuple[str, str] | None, what: str
) -> None:
    heard(portal)
    if act:
        portal.api(act[0], f"/projects/shop{act[1]}", {})
    done = run(portal, "check", cluster, "-p", "shop", code=0 if act else 1)
    assert what in done.output


def test_a_subscriber_that_fell_silent_and_gitops_that_is_off_are_found(portal: Served) -> None:
    portal.store.commit([PRESENCE.put(Presence("c1", "2026-01-01T00:00:00.000Z"), "shop", "c1")])
    portal("project", "disable", "shop")
    done = run(portal, "check", "c1", "-p", "shop", code=1)
    assert "its subscriber was last heard at 2026-01-01T00:00:00.000Z" in done.output
    assert "GitOps is off, so changes are not judged" in done.output
