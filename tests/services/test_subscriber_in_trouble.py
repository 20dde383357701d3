import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.clients.kubernetes import Kubernetes, open_kubernetes
from shared.errors import Invalid, Stale
from shared.model.orders import Order
from shared.rules.preflight import Facts, Needs
from shared.services.subscriber.surroundings import Surroundings
from tests.services.chaos_cluster import ENGINES, ChaosCluster, later, order, send
from tests.services.chaos_manifests import engine


class Forbidding(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"kind": "Status", "message": "not allowed", "reason": "Forbidden"}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def forbidding(tmp_path: Path) -> Iterator[Kubernetes]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forbidding)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
        "current-context": "x",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    yield open_kubernetes(str(path))
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_a_role_does_not_let_a_subscriber_see_is_not_missed(forbidding: Kubernetes) -> None:
    surroundings = Surroundings(forbidding, "litmus")
    places = frozenset({("litmus", "x")})
    needed = Needs((), workflows=True, service_accounts=places, experiments=places)
    assert Facts(frozenset()) == surroundings.facts(needed)
    assert (None, "") == surroundings.controller()


def test_an_order_that_breaks_the_subscriber_ends_in_an_error_and_no_other_does(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    broken = order(manifest="kind: Workflow\nspec: {templates: [x]}\n")
    fine = order(manifest=engine(cluster.namespace))
    for sent in (broken, fine):
        send(subscriber, sent)
    assert "Pass" == cluster.portal.last(fine.order, "completed").verdict
    assert "its log has the details" in cluster.portal.last(broken.order, "error").message


def test_an_order_that_waits_for_the_api_server_starts_in_time_or_not_at_all(cluster: ChaosCluster) -> None:
    """Between preflight and creation the subscriber may be away for long."""
    subscriber = cluster.subscriber()
    records = subscriber.records
    sent = order(manifest=engine(cluster.namespace), not_after=later(-1))
    record = records.take(sent, subscriber.steps.begin("run"))
    assert record
    records.save(subscriber.steps.starting.preflight(record).record)
    subscriber.start()
    assert cluster.portal.last(sent.order, "expired").message.startswith("not started by")
    assert [] == cluster.created(ENGINES)


def test_a_run_that_was_created_just_before_its_time_was_over_is_seen_to_its_end(cluster: ChaosCluster) -> None:
    """Evidence that it did run overrides that its time is over."""
    subscriber = cluster.subscriber()
    sent = order(manifest=engine(cluster.namespace), not_after=later(-1))
    record = subscriber.records.take(sent, subscriber.steps.begin("run"))
    assert record
    planned = subscriber.records.save(subscriber.steps.starting.preflight(record).record)
    rendered = subscriber.steps.starting.render(sent)
    cluster.api.create(rendered.resource, rendered.namespace, rendered.body)
    assert "starting" == planned.progress.phase
    subscriber.start()
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_a_workflow_whose_start_was_stopped_in_between_does_not_start(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    sent: Order = order(manifest=engine(cluster.namespace))
    record = subscriber.records.take(sent, subscriber.steps.begin("run"))
    assert record
    subscriber.records.save(subscriber.steps.starting.preflight(record).record.moved(stop=True))
    subscriber.start()
    assert "Stopped" == cluster.portal.last(sent.order, "stopped").verdict
    assert [] == cluster.created(ENGINES)


def test_of_two_who_move_a_record_on_the_slower_has_to_read_it_again(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    sent = order(manifest=engine(cluster.namespace))
    first = subscriber.records.take(sent, subscriber.steps.begin("run"))
    second = subscriber.records.find(sent.order)
    assert first
    assert second
    subscriber.records.save(first.moved(stop=True))
    with pytest.raises(Stale):
        subscriber.records.save(second.moved(held=True))


def test_records_of_another_cluster_are_left_alone(cluster: ChaosCluster) -> None:
    other = cluster.subscriber(cluster="production")
    other.records.take(order(manifest=engine(cluster.namespace)), other.steps.begin("run"))
    mine = cluster.subscriber()
    assert [] == mine.records.all()
    assert 1 == len(other.records.all())
    assert other.records.reachable()


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"data": {"progress": None}}, id="a part is missing"),
        pytest.param({"data": {"progress": "{"}}, id="no JSON"),
        pytest.param({"binaryData": {"order.json.gz": "bm8gZ3ppcA=="}}, id="not packed"),
    ],
)
def test_a_spoilt_record_keeps_no_other_from_being_resumed(cluster: ChaosCluster, spoilt: dict[str, object]) -> None:
    subscriber = cluster.subscriber()
    broken, fine = (order(manifest=engine(cluster.namespace)) for _ in range(2))
    for sent in (broken, fine):
        subscriber.records.take(sent, subscriber.steps.begin("run"))
    cluster.api.patch("v1/configmaps", cluster.namespace, broken.order.lower(), spoilt)
    with pytest.raises(Invalid, match="is no order's record any more: delete it"):
        subscriber.records.find(broken.order)
    subscriber.start()
    assert "Pass" == cluster.portal.last(fine.order, "completed").verdict
    assert [] == cluster.portal.of(broken.order)
