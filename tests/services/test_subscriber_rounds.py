import threading
import time

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.errors import BadInput, Misconfigured, Unauthenticated, Unavailable
from shared.rules.permits import Permits
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.rounds import Round
from tests.services.chaos_cluster import CLUSTER, ENGINES, KEY, ChaosCluster, PortalStand, later, order, until
from tests.services.chaos_manifests import engine


def letters(portal: PortalStand, url: str = "") -> Letters:
    return Letters(HttpPortal(url or portal.url), CLUSTER, KEY, utc_now, new_id)


def test_a_subscriber_says_that_it_is_alive(cluster: ChaosCluster) -> None:
    cluster.subscriber(heartbeat=0.1).start()
    until(lambda: len(cluster.portal.heartbeats) >= 3)
    assert ("prove", "run", "install", "remove", "stop") == cluster.portal.heartbeats[0].capabilities


@pytest.mark.parametrize(
    ("watched", "kinds", "listed"),
    [
        pytest.param(("Deployment",), (), {"Deployment"}, id="one"),
        pytest.param(("*",), (), {"Deployment", "StatefulSet", "DaemonSet"}, id="any"),
        pytest.param(
            ("*",), ("Map=v1/configmaps",), {"Deployment", "StatefulSet", "DaemonSet", "Map"}, id="any, and one more"
        ),
    ],
)
def test_the_watched_kinds_are_listed(
    cluster: ChaosCluster, watched: tuple[str, ...], kinds: tuple[str, ...], listed: set[str]
) -> None:
    cluster.subscriber(lookout=0.1, heartbeat=60.0, watched=watched, kinds=kinds).start()
    until(lambda: any(set(one.listed) == listed for one in cluster.portal.heartbeats))


def test_a_watched_kind_without_a_resource_is_a_mistake(cluster: ChaosCluster) -> None:
    with pytest.raises(Misconfigured, match="WATCHED_KINDS names Gadget"):
        cluster.subscriber(watched=("Gadget",))


def test_a_polling_subscriber_fetches_its_orders_once_each(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace))
    cluster.portal.orders.append(sent)
    cluster.subscriber(poll=True).start()
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict
    asked = cluster.portal.asked
    until(lambda: cluster.portal.asked > asked + 2)
    assert 1 == len(cluster.created(ENGINES))


def test_a_polled_order_that_is_refused_is_reported(cluster: ChaosCluster) -> None:
    late = order(manifest=engine(cluster.namespace), not_after=later(-1))
    refused = order(manifest=engine(cluster.namespace))
    cluster.portal.orders += [late, refused]
    cluster.subscriber(poll=True, permits=Permits(kinds=("Workflow",))).start()
    assert "the kind ChaosEngine is not allowed" in cluster.portal.last(refused.order, "skipped").message
    assert "was to be taken by" in cluster.portal.last(late.order, "expired").message


def test_a_list_of_orders_that_answers_another_question_is_not_believed(cluster: ChaosCluster) -> None:
    cluster.portal.answers = "another-id"
    with pytest.raises(Unauthenticated, match="answers another question"):
        letters(cluster.portal).orders(0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(400, BadInput, id="not understood"),
        pytest.param(401, Unauthenticated, id="not believed"),
        pytest.param(302, Unavailable, id="somewhere else"),
        pytest.param(500, Unavailable, id="broken"),
    ],
)
def test_an_answer_that_is_no_success_is_an_error(
    cluster: ChaosCluster, status: int, expected: type[Exception]
) -> None:
    cluster.portal.status = status
    with pytest.raises(expected, match=f"the portal answered {status} for /reports/staging"):
        letters(cluster.portal).heartbeat()


def test_a_portal_that_is_away_is_unavailable(cluster: ChaosCluster) -> None:
    with pytest.raises(Unavailable, match="check PORTAL_URL"):
        letters(cluster.portal, "http://127.0.0.1:9").heartbeat()


def test_a_round_goes_on_after_any_failure() -> None:
    calls: list[float] = []

    def act() -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise Unavailable("away")
        if len(calls) == 2:
            raise ValueError("a bug")

    one = Round("test", act, 0.01)
    one.start()
    until(lambda: len(calls) >= 4)
    one.stop()
    assert "test" not in {thread.name for thread in threading.enumerate()}
    assert calls[2] - calls[1] > calls[3] - calls[2]
