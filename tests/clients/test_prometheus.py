from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.demo.certificates import make_certificates
from infra.demo.tls import TlsFront
from shared.clients.prometheus import LIMIT, HttpMonitors
from shared.errors import Forbidden, Misconfigured, Unavailable
from tests.monitors import MonitorStand

QUERY = "/api/v1/query?query=up"


@pytest.fixture
def monitor() -> Iterator[MonitorStand]:
    with MonitorStand().open() as stand:
        yield stand


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("s3cret", "Bearer s3cret", id="token"),
        pytest.param("ada:word", "Basic " + base64.b64encode(b"ada:word").decode(), id="login"),
    ],
)
def test_a_monitor_is_asked_with_its_login(monitor: MonitorStand, credential: str | None, expected: str | None) -> None:
    answer = HttpMonitors(allow_local=True)(monitor.url + QUERY, credential)
    assert (200, ["up"], [expected]) == (answer.status, monitor.asked, monitor.logins)


def test_a_monitor_that_hangs_is_away_within_its_deadline(monitor: MonitorStand) -> None:
    monitor.hang = 0.6
    started = time.monotonic()
    with pytest.raises(Unavailable, match="the monitor does not answer"):
        HttpMonitors(allow_local=True, read=0.2)(monitor.url + QUERY)
    assert time.monotonic() - started < 0.5


def test_an_endless_answer_is_none(monitor: MonitorStand) -> None:
    monitor.refusal = (200, b" " * (LIMIT + 1))
    with pytest.raises(Unavailable, match="ask for fewer series"):
        HttpMonitors(allow_local=True)(monitor.url + QUERY)


def test_a_deployment_asks_nothing_on_its_own_machine(monitor: MonitorStand) -> None:
    with pytest.raises(Forbidden, match="the address of the monitor is on this machine"):
        HttpMonitors(allow_local=False)(monitor.url.replace("127.0.0.1", "localhost") + QUERY, "s3cret")
    assert [] == monitor.logins


def test_a_bundle_without_certificates_is_a_mistake_of_the_operator(monitor: MonitorStand) -> None:
    with pytest.raises(Misconfigured, match="holds no certificates"):
        HttpMonitors(allow_local=True)(monitor.url + QUERY, ca="nothing")


def test_a_private_ca_is_trusted_where_it_is_given(monitor: MonitorStand, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    monitors = HttpMonitors(allow_local=True)
    with TlsFront(urlsplit(monitor.url).port or 0, certificates) as front:
        assert 200 == monitors(front.url + QUERY, ca=certificates.ca.read_text()).status
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            monitors(front.url + QUERY)
