"""What happens to real clusters, by name, and the verdict that the design gives."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy

import pytest

from infra.demo.kubernetes_api.calls import User
from shared.model.changes import Changed
from shared.model.projects import Safety
from shared.rules.digests import digest
from shared.services.tables import RECENT
from tests.services.api_writes import ADA, AUTOSCALER
from tests.services.dispatch_stage import Stage
from tests.services.happenings import completed, hear, image, scaled
from tests.services.watched import House, altered, fields, recorded
from tests.services.watched_cluster import WatchedCluster

TOLD = ["reviews", "audit", "heartbeat"]
IMAGE = "spec.template.spec.containers[0].image"


@pytest.fixture
def cluster(stage: Stage) -> WatchedCluster:
    stage.settle(Safety())
    made = WatchedCluster(stage, "c1")
    made.tell(made.api.create("web:1"))
    made.heartbeat()
    made.rest(10)
    return made


def test_a_mass_deploy_of_a_thousand_workloads_is_held_until_a_person_releases_it(house: House) -> None:
    house.settle(Safety())
    workloads = 1_000
    base = recorded("deployment-image")
    for number in range(workloads):
        review = altered(base)
        review["request"]["name"] = f"web-{number}"
        house.clock.advance(0.1)
        house.admission.admit(house.call("admission", review, "c1"))
        house.decide()
    rows = house.store.store.query("ledger/shop/change", limit=2_000)
    assert {"kept": workloads, "triggered": workloads} == house.counted
    said = Counter("held until a person releases" in row.value.decode() for row in rows)
    assert {False: 10, True: workloads - 10} == said
    assert RECENT.read(house.store.store.get(RECENT.key("shop"))).value.held  # type: ignore[arg-type]


def test_an_upgrade_of_the_nodes_starts_nothing(cluster: WatchedCluster) -> None:
    kubelet = User("system:serviceaccount:kube-system:deployment-controller")
    for ready in (1, 0, 1, 2):
        status = {"status": {"replicas": 2, "readyReplicas": ready, "availableReplicas": ready}}
        cluster.tell(cluster.api.patch(status, below="/status", user=kubelet), audit=True)
        cluster.heartbeat()
        cluster.rest(70)
    assert (["create"], []) == (cluster.rules, completed(cluster))


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("below", ["/scale", ""], ids=["by the subresource", "by a patch"])
def test_a_failover_from_zero_starts_nothing(cluster: WatchedCluster, below: str, told: str) -> None:
    for replicas in (0, 4):
        hear(cluster, told, cluster.api.patch(scaled(replicas), below=below))
        cluster.rest(10)
    assert (["create", "zero", "zero"], []) == (cluster.rules, completed(cluster))


@pytest.mark.parametrize("told", TOLD)
def test_a_failover_counts_where_it_is_meant_to(cluster: WatchedCluster, told: str) -> None:
    cluster.stage.settle(Safety(cooldown="0s", ignore_zero=False))
    for replicas in (0, 4):
        hear(cluster, told, cluster.api.patch(scaled(replicas)))
        cluster.rest(70)
    assert ["create", "triggered", "triggered"] == cluster.rules


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize(("ignored", "rule"), [(True, "rollback"), (False, "triggered")])
def test_a_rollback_starts_nothing_unless_it_is_meant_to(
    cluster: WatchedCluster, told: str, rule: str, *, ignored: bool
) -> None:
    cluster.stage.settle(Safety(cooldown="0s", ignore_rollbacks=ignored))
    for tag in ("2", "1"):
        hear(cluster, told, cluster.api.patch(image(tag), media="json"))
        cluster.rest(70)
    assert ["create", "triggered", rule] == cluster.rules
    assert [[IMAGE]] * (1 if ignored else 2) == completed(cluster)


@pytest.mark.parametrize("told", TOLD)
def test_an_autoscaler_during_the_rollout_neither_starts_anything_nor_replaces_what_waits(
    cluster: WatchedCluster, told: str
) -> None:
    cluster.autoscaled = True
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    cluster.heartbeat()
    written = cluster.api.patch(scaled(7), below="/scale", user=AUTOSCALER)
    cluster.tell(written, reviews=told == "reviews", audit=told == "audit")
    cluster.heartbeat()
    cluster.rest(70)
    assert (["create", "triggered", "autoscaler"], [[IMAGE]]) == (cluster.rules, completed(cluster))


@pytest.mark.parametrize("seen", [True, False], ids=["seen by a heartbeat", "seen by the next review"])
def test_after_an_etcd_restore_the_next_change_starts_one_run_and_the_restore_none(
    cluster: WatchedCluster, *, seen: bool
) -> None:
    backup = deepcopy(cluster.api.live)
    assert backup
    for tag in ("2", "3"):
        cluster.stage.settle(Safety(cooldown="0s"))
        cluster.tell(cluster.api.patch(image(tag), media="json"), audit=True)
        cluster.rest(10)
    cluster.rest(300)
    cluster.api.restore(backup)
    if seen:
        cluster.heartbeat()
    cluster.rest(10)
    assert 2 == len(completed(cluster))
    cluster.tell(cluster.api.patch(image("4"), media="json"), audit=True)
    cluster.rest(10)
    assert ["create", "triggered", "triggered", *["first sight"] * seen, "triggered"] == cluster.rules
    assert [[IMAGE]] * 3 == completed(cluster)


@pytest.mark.parametrize("told", TOLD)
def test_after_an_etcd_restore_a_change_counts_though_an_audit_event_from_before_comes_late(
    cluster: WatchedCluster, told: str
) -> None:
    cluster.stage.settle(Safety(cooldown="0s"))
    backup = deepcopy(cluster.api.live)
    assert backup
    cluster.tell(cluster.api.patch(image("2"), media="json"))
    late = cluster.api.patch(image("3"), media="json")
    cluster.rest(70)
    cluster.api.restore(backup)
    cluster.heartbeat()
    cluster.audit(late.event)
    cluster.tell(cluster.api.patch(image("4"), media="json"), reviews=told == "reviews", audit=told == "audit")
    for _ in range(2):
        cluster.rest(10)
        cluster.heartbeat()
    cluster.rest(70)
    assert 1 == cluster.proved[Changed(IMAGE, digest("web:4"))]


@pytest.mark.parametrize("told", ["reviews", "audit"])
@pytest.mark.parametrize(("pause", "verdict"), [(10, "triggered"), (700, "create")])
def test_a_deployment_replaced_under_its_name_is_a_change_if_it_was_soon(
    cluster: WatchedCluster, told: str, pause: float, verdict: str
) -> None:
    cluster.tell(cluster.api.patch(image("2"), media="json", denied=True))
    hear(cluster, told, cluster.api.delete())
    cluster.rest(pause)
    cluster.stage.settle(Safety(cooldown="0s"))
    hear(cluster, told, cluster.api.create("web:3"))
    cluster.heartbeat()
    cluster.rest(70)
    assert ["create", "triggered", "deleted", verdict] == cluster.rules
    skipped = [one.verdict for one in cluster.taken.values()]
    assert ["skipped", *["completed"] * (verdict == "triggered")] == skipped


@pytest.mark.parametrize(
    ("user", "below", "rule"),
    [
        pytest.param(ADA, "/scale", "triggered", id="kubectl scale"),
        pytest.param(ADA, "", "triggered", id="a patch by hand"),
        pytest.param(AUTOSCALER, "/scale", "autoscaler", id="an autoscaler"),
    ],
)
@pytest.mark.parametrize("told", ["reviews", "audit"])
def test_a_scale_of_a_watched_workload_is_judged_by_its_annotations(
    cluster: WatchedCluster, told: str, user: User, below: str, rule: str
) -> None:
    written = cluster.api.patch(scaled(5), below=below, user=user)
    cluster.tell(written, reviews=told == "reviews", audit=told == "audit")
    row = cluster.rows[-1]
    assert (rule, ["spec.replicas"], ["kill"]) == (
        cluster.rules[-1],
        fields(row)["changed"],
        fields(row)["experiments"],
    )


def test_a_scale_of_a_workload_that_has_opted_out_is_only_counted(cluster: WatchedCluster) -> None:
    cluster.tell(cluster.api.patch({"metadata": {"annotations": {"litmuschaos.io/gitops": None}}}), audit=True)
    cluster.tell(cluster.api.patch(scaled(5), below="/scale"), audit=True)
    assert ["create", "opt-out"] == cluster.rules
    assert cluster.counted["untracked"] == 2
