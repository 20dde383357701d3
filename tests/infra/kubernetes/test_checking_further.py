"""Findings that hang on what the portal knows, on time, and on what was registered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.demo.kubernetes_api.server import ApiServer
from infra.kubernetes.applying import SECRETS, WEBHOOKS, apply, served
from infra.kubernetes.checking import look
from infra.kubernetes.kinds import kind_of
from infra.kubernetes.options import CONFIGURATION, NAME, TLS, Options, Watched
from shared.clients.kubernetes import Kubernetes, open_kubernetes
from tests.infra.kubernetes.sound import (
    DEPLOYMENTS,
    MANIFEST,
    NAMESPACE,
    RBAC,
    RENEWAL,
    another_certificate,
    found,
    known,
)


def test_a_certificate_that_ends_soon_or_has_ended_is_found(sound: Kubernetes) -> None:
    another_certificate(20)(sound)
    ((what, mend),) = found(sound)
    assert ("the subscriber's certificate ends at ", RENEWAL) == (what[:37], mend)
    another_certificate(20, ago=21)(sound)
    ((what, _),) = found(sound)
    assert what.startswith("the API server refuses the subscriber's certificate: it is valid from ")
    assert served(sound, NAMESPACE) is not None


def test_a_certificate_that_cert_manager_issues_is_its_own_to_mend(sound: Kubernetes) -> None:
    annotations = {"cert-manager.io/inject-ca-from": f"{NAMESPACE}/{TLS}"}
    sound.patch(WEBHOOKS, "", CONFIGURATION, {"metadata": {"annotations": annotations}})
    sound.delete(SECRETS, NAMESPACE, TLS)
    mend = f"see cert-manager's Certificate {NAMESPACE}/{TLS}"
    assert [(f"the Secret {NAMESPACE}/{TLS} is missing", mend)] == found(sound)


def test_an_experiment_that_the_portal_does_not_know_is_found(sound: Kubernetes) -> None:
    what = "Deployment/default/till names kill-1, which is no experiment of shop"
    assert [(what, "see litmus-gitops experiment list -p shop")] == found(sound, experiments=frozenset())


def test_a_policy_that_asks_for_more_than_is_told_is_found(sound: Kubernetes) -> None:
    rows = ({"conditions": [{"key": "metadata.labels.team"}], "autoscalers": True},)
    assert [
        ("a policy names metadata, of which the API server tells nothing", MANIFEST),
        ("a policy counts autoscalers, of which the API server tells nothing", MANIFEST),
    ] == found(sound, policies=rows)


@pytest.mark.parametrize(
    ("off", "side"), [pytest.param(-120, "ahead of", id="ahead"), pytest.param(120, "behind", id="behind")]
)
def test_clocks_that_are_apart_are_found(sound: Kubernetes, off: int, side: str) -> None:
    ((what, _),) = found(sound, clock=datetime.now(UTC) + timedelta(seconds=off))
    assert f" s {side} the portal's" in what


def test_a_url_of_another_cluster_is_found_and_its_own_is_good(sound: Kubernetes) -> None:
    apply(sound, Options(cluster="c1", direct="https://portal.example.org/admission/c2/a-token"))
    server_side = sound.get(DEPLOYMENTS, NAMESPACE, NAME)
    sound.replace(DEPLOYMENTS, NAMESPACE, f"{NAME}/status", server_side | {"status": {"readyReplicas": 1}})
    ((what, mend),) = found(sound)
    assert "the webhook's URL is not that of cluster c1" == what
    assert "a-token" not in what + mend
    apply(sound, Options(cluster="c1", direct="https://portal.example.org/admission/c1/a-token"))
    assert [] == found(sound)


def test_a_kind_that_is_not_served_is_found(sound: Kubernetes) -> None:
    kinds = (*Options().watched.kinds, kind_of("Rollout"))
    apply(sound, Options(cluster="c1", watched=Watched(kinds)))
    assert [
        (
            "the API server serves no argoproj.io/v1alpha1/rollouts",
            "install the definition of Rollout, or do without --kind Rollout",
        )
    ] == found(sound)


def test_a_role_that_was_narrowed_on_purpose_is_a_note_where_nothing_arrives_by_it(sound: Kubernetes) -> None:
    live = sound.get(f"{RBAC}/clusterroles", "", NAME)
    live["rules"] = [rule for rule in live["rules"] if "nodes" not in rule["resources"]]
    sound.replace(f"{RBAC}/clusterroles", "", NAME, live)
    (note,) = look(sound, known())
    assert (f"the ClusterRole {NAME} does not allow to list nodes", "note") == (note.what, note.severity)


def test_a_cluster_that_does_not_answer_is_found_once_for_each_look(tmp_path: Path) -> None:
    with ApiServer() as gone:
        api = open_kubernetes(str(gone.kubeconfig(tmp_path / "kubeconfig")))
    rows = found(api)
    assert rows
    assert all("the Kubernetes API does not answer" in what for what, _ in rows)
