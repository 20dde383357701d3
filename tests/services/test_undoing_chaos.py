"""Chaos that changes a workload, and whoever undoes that: neither is a trigger, whenever it comes and is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.model.policies import Condition, Policy, PolicyBook
from shared.model.projects import Safety
from shared.services.tables import ENDED, POLICIES
from tests.services.api_writes import ARGO_CD, CHAOS, Json
from tests.services.dispatch_stage import Stage
from tests.services.happenings import completed, hear, labelled, scaled
from tests.services.watched_cluster import WatchedCluster


@pytest.fixture
def cluster(stage: Stage) -> WatchedCluster:
    stage.settle(Safety())
    made = WatchedCluster(stage, "c1")
    made.tell(made.api.create("web:1"))
    made.heartbeat()
    made.rest(10)
    return made


def test_a_gitops_controller_that_undoes_chaos_starts_nothing(cluster: WatchedCluster) -> None:
    cluster.run("argo-chaos")
    cluster.tell(cluster.api.patch(scaled(1), below="/scale", user=CHAOS), audit=True)
    cluster.tell(cluster.api.patch(scaled(2), user=ARGO_CD), audit=True)
    cluster.heartbeat()
    cluster.run()
    cluster.heartbeat()
    assert (["create", "chaos actor", "open run"], []) == (cluster.rules, completed(cluster))


HARM = [
    pytest.param((scaled(1), scaled(2), "/scale"), id="replicas"),
    pytest.param((scaled(1), scaled(2), ""), id="replicas by a patch"),
    pytest.param((labelled("chaos"), labelled(None), ""), id="the template"),
]


@pytest.mark.parametrize("ended", [0, 3_000], ids=["soon", "much later"])
@pytest.mark.parametrize("told", ["reviews", "audit", "heartbeat"])
@pytest.mark.parametrize("harm", HARM)
def test_undoing_chaos_starts_nothing_after_its_run_has_ended_either(
    cluster: WatchedCluster, told: str, harm: tuple[Json, Json, str], ended: float
) -> None:
    done, undoing, below = harm
    cluster.stage.settle(Safety(cooldown="0s", ignore_rollbacks=False))
    cluster.run("argo-chaos")
    hear(cluster, told, cluster.api.patch(done, below=below, user=CHAOS))
    cluster.run()
    cluster.rest(ended)
    hear(cluster, told, cluster.api.patch(undoing, below=below, user=ARGO_CD))
    cluster.rest(70)
    chaos = "open run" if told == "heartbeat" else "chaos actor"
    assert (["create", chaos, "undone chaos"], []) == (cluster.rules, completed(cluster))


def test_undoing_chaos_is_known_though_a_denied_change_came_before_it(cluster: WatchedCluster) -> None:
    cluster.tell(cluster.api.patch(scaled(7), below="/scale", denied=True))
    cluster.run("argo-chaos")
    hear(cluster, "audit", cluster.api.patch(scaled(1), below="/scale", user=CHAOS))
    cluster.run()
    cluster.wait(1)
    hear(cluster, "audit", cluster.api.patch(scaled(2), user=ARGO_CD))
    cluster.rest(70)
    assert (["create", "triggered", "chaos actor", "undone chaos"], []) == (cluster.rules, completed(cluster))


@pytest.mark.parametrize("told", ["reviews", "audit", "heartbeat"])
def test_after_chaos_was_undone_the_same_change_by_others_counts(cluster: WatchedCluster, told: str) -> None:
    cluster.stage.settle(Safety(cooldown="0s"))
    cluster.run("argo-chaos")
    hear(cluster, told, cluster.api.patch(scaled(1), user=CHAOS))
    cluster.run()
    for replicas in (2, 1, 2):
        hear(cluster, told, cluster.api.patch(scaled(replicas), user=ARGO_CD))
        cluster.rest(70)
    assert ["undone chaos", "triggered", "triggered"] == cluster.rules[2:]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        pytest.param(scaled(5), ["spec.replicas"], id="another value"),
        pytest.param(
            scaled(2) | {"spec": {"replicas": 2, "paused": True}}, ["spec.paused", "spec.replicas"], id="more"
        ),
    ],
)
def test_what_does_more_than_undo_chaos_counts(cluster: WatchedCluster, body: Json, paths: list[str]) -> None:
    cluster.run("argo-chaos")
    hear(cluster, "reviews", cluster.api.patch(scaled(1), user=CHAOS))
    cluster.run()
    hear(cluster, "reviews", cluster.api.patch(body, user=ARGO_CD))
    cluster.rest(10)
    assert (["create", "chaos actor", "triggered"], [paths]) == (cluster.rules, completed(cluster))


def test_undoing_chaos_is_known_though_no_policy_was_about_what_chaos_did(cluster: WatchedCluster) -> None:
    more = Policy("more", conditions=(Condition("spec.replicas", "GreaterThan", "1"),))
    cluster.stage.store.commit([POLICIES.put(PolicyBook((more,)), "shop")])
    cluster.run("argo-chaos")
    hear(cluster, "reviews", cluster.api.patch(scaled(1), user=CHAOS))
    cluster.run()
    hear(cluster, "reviews", cluster.api.patch(scaled(2), user=ARGO_CD))
    assert ["create", "no policy matches", "undone chaos"] == cluster.rules


def test_what_chaos_did_is_its_own_though_it_is_told_after_its_run_has_ended(cluster: WatchedCluster) -> None:
    cluster.run("argo-chaos")
    done = cluster.api.patch(scaled(1), user=CHAOS)
    cluster.wait(20)
    restored = cluster.api.patch(scaled(2), user=CHAOS)
    cluster.run()
    cluster.rest(30)
    hear(cluster, "audit", done)
    hear(cluster, "audit", restored)
    cluster.rest(10)
    assert (["create", "chaos actor", "chaos actor"], []) == (cluster.rules, completed(cluster))


def test_what_was_made_under_a_run_is_no_trigger_when_it_is_told_later(cluster: WatchedCluster) -> None:
    cluster.run("argo-chaos")
    made = cluster.api.patch(scaled(5), user=ARGO_CD)
    cluster.run()
    cluster.rest(30)
    hear(cluster, "audit", made)
    assert ["create", "open run"] == cluster.rules


def test_what_chaos_accounts_do_after_their_runs_counts(cluster: WatchedCluster) -> None:
    cluster.run("argo-chaos")
    cluster.run()
    cluster.wait(1)
    made = cluster.api.patch(scaled(5), user=CHAOS)
    cluster.rest(30)
    hear(cluster, "audit", made)
    assert ["create", "triggered"] == cluster.rules


def test_what_was_made_before_a_run_began_counts_though_it_is_told_under_it(cluster: WatchedCluster) -> None:
    made = cluster.api.patch(scaled(5), user=ARGO_CD)
    cluster.wait(1)
    cluster.run("argo-chaos")
    cluster.wait(10)
    hear(cluster, "audit", made)
    assert ["create", "triggered"] == cluster.rules


@pytest.mark.parametrize(
    ("states", "began", "ended"),
    [
        pytest.param(["waiting", "running", "running", "completed"], 2, 4, id="each state was told"),
        pytest.param(["waiting", "running", "stopped"], 2, 3, id="stopped"),
        pytest.param(["completed"], 0, 1, id="its beginning was not told"),
        pytest.param(["waiting", "skipped"], None, None, id="it did not begin"),
        pytest.param(["waiting", "stopped"], None, None, id="stopped before it began"),
    ],
)
def test_it_is_remembered_from_when_to_when_a_run_did_chaos(
    stage: Stage, states: list[str], began: int | None, ended: int | None
) -> None:
    begin = stage.clock()
    stage.change()
    stage.pump()
    order = stage.runs()[-1].id
    for state in states:
        stage.clock.advance(1)
        stage.report(order, state)
    rows = [ENDED.read(row).value for row in stage.store.query(ENDED.partition("c1"))]
    times = [datetime.fromisoformat(at) - begin for one in rows for at in (one.begun_at, one.ended_at)]
    assert [timedelta(seconds=one) for one in (began, ended) if one is not None] == times
    assert [("Deployment/shop/web", ("argo-chaos",))] * len(rows) == [(o.workload, o.service_accounts) for o in rows]
