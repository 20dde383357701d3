"""Reports that the portal does not take at once."""

from dataclasses import replace

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.outbox import Outbox
from shared.services.subscriber.records import Record
from shared.services.subscriber.service import Subscriber
from tests.services.chaos_cluster import CLUSTER, KEY, QUICK, ChaosCluster, later, order, send, until
from tests.services.chaos_manifests import engine

DAY = 86_400.0


def outbox(cluster: ChaosCluster, subscriber: Subscriber) -> Outbox:
    return Outbox(subscriber.records, Letters(HttpPortal(cluster.portal.url), CLUSTER, KEY, utc_now, new_id), 0.01)


def with_a_report(subscriber: Subscriber, not_after: str) -> Record:
    record = subscriber.records.take(order(not_after=not_after), subscriber.steps.begin("run"))
    assert record
    return subscriber.records.save(subscriber.steps.desk.waiting(record, "taken"))


@pytest.mark.parametrize(
    "not_after",
    [pytest.param(later(3600.0), id="in time"), pytest.param(later(3600.0 - DAY), id="late by nearly a day")],
)
def test_a_report_on_an_order_that_the_portal_does_not_know_is_sent_once_a_minute(
    cluster: ChaosCluster, not_after: str
) -> None:
    subscriber = cluster.subscriber()
    sending, record = outbox(cluster, subscriber), with_a_report(subscriber, not_after)
    cluster.portal.status = 404
    kept, due = sending.deliver(record)
    assert (record, 60.0) == (kept, due)
    cluster.portal.status = 200
    again, left = sending.deliver(kept)
    assert (record, []) == (again, cluster.portal.of(record.id))
    assert left
    assert 50.0 < left < 60.0


def test_an_unknown_order_holds_no_other_s_reports_back(cluster: ChaosCluster) -> None:
    subscriber = cluster.subscriber()
    sending = outbox(cluster, subscriber)
    cluster.portal.status = 404
    sending.deliver(with_a_report(subscriber, later()))
    cluster.portal.status = 200
    other = with_a_report(subscriber, later())
    kept, due = sending.deliver(other)
    assert ((), None) == (kept.progress.reports, due)
    assert 1 == len(cluster.portal.of(other.id))


@pytest.mark.parametrize(
    ("not_after", "ended"),
    [
        pytest.param(later(-DAY - 1.0), "", id="its time was over a day ago"),
        pytest.param(later(900 * DAY), later(-7 * DAY - 1.0), id="it ended a week ago"),
    ],
)
def test_a_report_that_the_portal_will_never_know_of_is_given_up(
    cluster: ChaosCluster, caplog: pytest.LogCaptureFixture, not_after: str, ended: str
) -> None:
    subscriber = cluster.subscriber()
    cluster.portal.status = 404
    record = subscriber.records.save(with_a_report(subscriber, not_after).moved(ended_at=ended))
    kept, due = outbox(cluster, subscriber).deliver(record)
    assert ((), None) == (kept.progress.reports, due)
    assert ["a report is given up"] == [one.message for one in caplog.records if "report" in one.message]
    found = subscriber.records.find(record.id)
    assert found
    assert () == found.progress.reports


def test_a_report_is_sent_again_while_its_order_still_waits(cluster: ChaosCluster) -> None:
    sent = order(manifest=engine(cluster.namespace), guard=cluster.guard("not-there-yet", "app:2"))
    cluster.portal.status = 503
    send(cluster.subscriber(pace=replace(QUICK, look=60.0)), sent)
    until(lambda: cluster.portal.refused > 2)
    cluster.portal.status = 200
    assert "proving" == cluster.portal.last(sent.order, "waiting").phase
