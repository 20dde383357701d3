from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.errors import Unauthenticated
from shared.model.changes import Tracked
from shared.model.orders import OrderState
from shared.model.runs import RunState
from shared.rules.keys import subscriber_key
from shared.services.api.clusters import Clusters
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from shared.services.tables import ACTIVE, PRESENCE, TRACKED
from tests.services.api.conftest import Api, body, client
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import WEB, Stage

CLUSTERS = "/projects/shop/clusters"
BEAT = b'{"heartbeat": {"at": "2026-10-30T09:00:00Z"}}'


@pytest.fixture
def api(stage: Stage) -> Api:
    desk = Desk(stage.store, stage.clock, new_id, MASTER, "https://portal.example.org", allow_local=True)
    call = client([*Projects(desk).operations(), *Clusters(desk).operations()])
    call("POST", "/projects", {"id": "bank", "name": "Bank"})
    return call


def ending(stage: Stage) -> list[tuple[OrderState, str, RunState, str]]:
    """Return how the one order and its run ended."""
    (order,), (run,) = stage.orders(), stage.runs()
    return [(order.state, order.rule, run.state, run.message)]


def test_an_order_that_did_not_start_is_refused(api: Api, stage: Stage) -> None:
    stage.cluster("c1", None)
    stage.change()
    stage.pump()
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    assert [("refused", "forgotten", "skipped", "its cluster was forgotten before it started")] == ending(stage)
    assert ([], [], "refused") == (stage.open(), active(stage), stage.verdicts()[-1])


def test_an_order_that_was_taken_may_have_started_so_its_run_ends_as_an_error(api: Api, stage: Stage) -> None:
    stage.change()
    stage.pump()
    assert [("taken", "queued")] == [(stage.orders()[0].state, stage.runs()[0].state)]
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    assert [("refused", "error")] == [(stage.orders()[0].state, stage.runs()[0].state)]


def test_a_run_that_started_ends_as_an_error_since_nobody_hears_of_it_again(api: Api, stage: Stage) -> None:
    stage.change()
    stage.pump()
    stage.report(stage.runs()[0].id, "running")
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    expected = "its cluster was forgotten: what became of it there is not known"
    assert [("refused", "forgotten", "error", expected)] == ending(stage)
    assert ([], [], "error") == (stage.open(), active(stage), stage.verdicts("run")[-1])


def test_a_scheduled_run_ends_too(api: Api, stage: Stage) -> None:
    stage.report(None, "running", run="cron-1", experiment="kill")
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    assert (["error"], []) == ([run.state for run in stage.runs()], active(stage))


def test_an_order_that_comes_meanwhile_does_not_go(api: Api, stage: Stage) -> None:
    stage.cluster("c1", None)
    stage.change()
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    stage.pump()
    assert ([], []) == (stage.open(), active(stage))


def test_nothing_of_a_forgotten_cluster_is_left_to_a_later_one(api: Api, stage: Stage) -> None:
    stage.store.commit([TRACKED.put(Tracked(WEB), "c1", WEB.subject)])
    stage.report(None, "running", run="cron-1", experiment="kill")
    heartbeat = stage.call("/reports/c1", BEAT)
    assert stage.reporting.receive(heartbeat).status == 200
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    assert (None, None) == (
        TRACKED.load(stage.store, "c1", WEB.subject),
        PRESENCE.load(stage.store, "shop", "c1"),
    )


def test_a_later_cluster_of_the_same_id_has_other_secrets(api: Api, stage: Stage) -> None:
    first = body(api("POST", "/projects/bank/clusters", {"id": "c2", "name": "x"}))
    assert api("DELETE", "/projects/bank/clusters/c2").status == 204
    second = body(api("POST", f"{CLUSTERS}", {"id": "c2", "name": "x"}))
    for name in ("admission_url", "audit_url", "subscriber_secret"):
        assert first[name] != second[name]
    with pytest.raises(Unauthenticated):
        stage.reporting.receive(stage.call("/reports/c2", BEAT, "c2", subscriber_key(MASTER, "c2", 1)))
    heard = stage.call("/reports/c2", BEAT, "c2", subscriber_key(MASTER, "c2", 2))
    assert stage.reporting.receive(heard).status == 200


def test_a_forgotten_clusters_secrets_stop_working(api: Api, stage: Stage) -> None:
    api("DELETE", f"{CLUSTERS}/c1")
    with pytest.raises(Unauthenticated):
        stage.reporting.receive(stage.call("/reports/c1", BEAT))


def test_a_cluster_of_another_project_is_not_forgotten(api: Api, stage: Stage) -> None:
    assert api("DELETE", "/projects/bank/clusters/c1").status == 404
    assert api("GET", CLUSTERS).status == 200
    assert stage.reporting.receive(stage.call("/reports/c1", BEAT)).status == 200


def active(stage: Stage) -> list[str]:
    """Return the runs that hold a place in the cluster."""
    return [row.key.sort for row in stage.store.query(ACTIVE.partition("c1"))]
