import re
import time
from pathlib import Path
from typing import Any

import pytest

from shared.clients.kubernetes import open_kubernetes
from shared.errors import BadInput, Conflict, Gone, Misconfigured, NotYet, Unauthenticated
from shared.model.calls import Call
from shared.model.orders import Order
from shared.rules.permits import Permits
from shared.services.subscriber.records import record_name
from shared.wire.standard_webhooks import key_of, sign
from tests.services.chaos_cluster import KEY, SECRET, ChaosCluster, call, later, order, send, until
from tests.services.chaos_manifests import engine, workflow

OTHER = "whsec_YW5vdGhlci1rZXktb2YtdGhlLXRlc3RzLTAwMDAwMQ=="


def test_an_order_is_recorded_before_it_is_answered(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace))
    answer = send(cluster.subscriber(), sent)
    assert (202, {"order": sent.order, "taken": True}) == (answer.status, answer.body)
    assert cluster.record(sent.order)


@pytest.mark.parametrize(
    ("key", "age", "sentence"),
    [
        pytest.param(key_of(OTHER), 0.0, "does not match", id="another key"),
        pytest.param(KEY, 400.0, "more than 300 s", id="an old signature"),
    ],
)
def test_a_wrong_signature_is_refused_and_nothing_recorded(
    cluster: ChaosCluster, key: bytes, age: float, sentence: str
) -> None:
    sent = order(manifest=engine(cluster.namespace))
    with pytest.raises(Unauthenticated, match=sentence):
        cluster.subscriber().take(call(sent, key, time.time() - age))
    assert cluster.record(sent.order) is None


def test_an_unsigned_order_is_refused(cluster: ChaosCluster) -> None:
    with pytest.raises(Unauthenticated, match="unsigned"):
        cluster.subscriber().take(Call("POST", "/", body=b"{}"))


def test_while_a_secret_is_rotated_the_old_one_counts_too(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber(secrets=(SECRET, OTHER))
    answers = [subscriber.take(call(order(manifest=engine(cluster.namespace)), key_of(one))) for one in (SECRET, OTHER)]
    assert [202, 202] == [answer.status for answer in answers]


def test_a_signed_body_that_is_no_order_is_bad_input(cluster: ChaosCluster) -> None:
    body = b'{"order": "o", "project": "p", "experiment": "e", "action": "dance"}'
    with pytest.raises(BadInput, match=r"this is no order: .*dance"):
        cluster.subscriber().take(Call("POST", "/", headers=sign(KEY, "o", int(time.time()), body), body=body))


def altered(sent: Order, **changes: Any) -> Order:
    return Order(**({name: getattr(sent, name) for name in sent.__struct_fields__} | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param(
            {"parameters": {"infra_id": "production"}}, "for cluster production, and this is staging", id="cluster"
        ),
        pytest.param({"manifest": "kind: Workflow\n"}, "the manifest's SHA-256 is ", id="another text"),
        pytest.param({"digest": None}, "and the order says None", id="no digest"),
    ],
)
def test_an_order_that_is_not_meant_so_is_refused_with_a_reason(
    cluster: ChaosCluster, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Conflict, match=sentence):
        send(cluster.subscriber(), altered(order(manifest=engine(cluster.namespace)), **changes))


def test_an_order_that_comes_too_late_is_gone(cluster: ChaosCluster) -> None:
    with pytest.raises(Gone, match="was to be taken by"):
        send(cluster.subscriber(), order(manifest=engine(cluster.namespace), not_after=later(-1)))


@pytest.mark.parametrize(
    ("permits", "sentence"),
    [
        pytest.param(Permits(kinds=("ChaosEngine",)), "the kind Workflow is not allowed", id="kind"),
        pytest.param(Permits(namespaces=("shop",)), "the namespace t-.* is not allowed", id="namespace"),
        pytest.param(Permits(service_accounts=("argo",)), "the service account chaos is not allowed", id="account"),
        pytest.param(Permits(images=("mine/*",)), "the image registry.example/checker:1 is not allowed", id="image"),
    ],
)
def test_a_cluster_refuses_what_it_does_not_allow(cluster: ChaosCluster, permits: Permits, sentence: str) -> None:
    sent = order(manifest=workflow(cluster.namespace))
    with pytest.raises(Conflict, match=sentence):
        send(cluster.subscriber(permits=permits), sent)
    assert cluster.record(sent.order) is None


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        pytest.param("kind: [", "the manifest cannot be read: line 2: ", id="no YAML"),
        pytest.param("- a\n", "the manifest is no mapping", id="no mapping"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(cluster: ChaosCluster, manifest: str, sentence: str) -> None:
    with pytest.raises(Conflict, match=sentence):
        send(cluster.subscriber(), order(manifest=manifest))


def test_a_manifest_of_nothing_runnable_ends_in_an_error(cluster: ChaosCluster) -> None:
    sent = order(manifest="kind: Pod\n")
    send(cluster.subscriber(), sent)
    assert cluster.portal.last(sent.order, "error").message.startswith("a Pod cannot be run")


def test_a_large_order_is_recorded_packed_and_carried_out(cluster: ChaosCluster) -> None:
    manifest = engine(cluster.namespace) + "\n" + "# \u00e9" * 50_000
    sent = order(manifest=manifest)
    send(cluster.subscriber(), sent)
    record = until(lambda: cluster.record(sent.order)) or {}
    assert {"order.json.gz"} == record["binaryData"].keys()
    assert "Pass" == cluster.portal.last(sent.order, "completed").verdict


def test_two_orders_whose_names_would_be_the_same_are_told_apart(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    send(subscriber, order("prove", order="ABC"))
    with pytest.raises(Conflict, match="records another order, ABC"):
        send(subscriber, order("prove", order="abc"))


@pytest.mark.parametrize(
    ("order_id", "expected"),
    [
        pytest.param("01KAN-0af", "01kan-0af", id="ours"),
        pytest.param("a_b", "order-" + record_name("a_b")[6:], id="a character that no name may have"),
        pytest.param("x" * 300, "order-" + record_name("x" * 300)[6:], id="too long"),
    ],
)
def test_a_record_has_its_order_s_id_for_a_name_where_that_is_one(order_id: str, expected: str) -> None:
    assert expected == record_name(order_id)
    assert len(record_name(order_id)) <= 253


def test_a_subscriber_is_ready_once_it_can_record_orders(cluster: ChaosCluster) -> None:
    assert 200 == cluster.subscriber().ready(Call("GET", "/readyz")).status


def test_a_subscriber_without_its_cluster_is_not_ready(cluster: ChaosCluster, tmp_path: Path) -> None:
    away = tmp_path / "kubeconfig"
    away.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", cluster.kubeconfig.read_text()))
    alone = ChaosCluster(open_kubernetes(str(away)), away, cluster.namespace, cluster.portal)
    with pytest.raises(NotYet, match="check SUBSCRIBER_NAMESPACE"):
        alone.subscriber().ready(Call("GET", "/readyz"))
    alone.started[0].stop()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"checks": ("crds", "weather")}, "PREFLIGHT names no check 'weather'", id="a check"),
        pytest.param({"kinds": ("Gadget",)}, "RESOURCES holds 'Gadget'", id="a kind without a resource"),
        pytest.param({"kinds": ("Gadget=gadgets",)}, "write Kind=group/version/plural", id="half a resource"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(cluster: ChaosCluster, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        cluster.subscriber(**changes)
