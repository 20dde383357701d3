"""Spans of OpenTelemetry, as a collector gets them: what the SDK sends over OTLP/HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import flask
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.edge.spans import spans
from tests.edge.conftest import PROBE
from tests.servers import ask, load, waitress_server

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE_ID}-{CALLER}-01", f"00-{TRACE_ID}-{CALLER}-00"
ROOT = Path(__file__).parents[2]


class Collector:
    """Takes what exporters send, as a collector's `/v1/traces` does."""

    def __init__(self) -> None:
        self.app = flask.Flask("collector")
        self.app.post("/v1/traces")(self._take)
        self._came: SimpleQueue[ExportTraceServiceRequest] = SimpleQueue()

    def _take(self) -> bytes:
        self._came.put(ExportTraceServiceRequest.FromString(flask.request.get_data()))
        return b""

    def spans(self) -> list[Any]:
        """Return the spans that were flushed, in the order in which they ended."""
        recorded = spans()
        assert recorded is not None
        provider = recorded.tracer.span_processor
        assert provider.force_flush()
        sent = []
        while True:
            try:
                sent.append(self._came.get_nowait())
            except Empty:
                break
        scopes = [scope for one in sent for resource in one.resource_spans for scope in resource.scope_spans]
        self.services = {
            field.value.string_value
            for one in sent
            for resource in one.resource_spans
            for field in resource.resource.attributes
            if field.key == "service.name"
        }
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    with waitress_server(found.app) as port:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        spans.cache_clear()
        yield found
        recorded = spans()
        assert recorded is not None
        recorded.tracer.span_processor.shutdown()
    spans.cache_clear()


@pytest.fixture
def served(collector: Collector) -> Iterator[int]:  # noqa: ARG001 - it is there before
    with waitress_server(load(PROBE, "probe")) as port:
        yield port


def _attributes(span: Any) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_request_is_a_span_below_its_callers_with_the_id_that_goes_on(served: int, collector: Collector) -> None:
    handed = ask(served, "GET", "/echo/a", Traceparent=SAMPLED).json()["headers"]["traceparent"]
    [span] = collector.spans()
    assert handed == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
    assert (TRACE_ID, CALLER, "GET /echo/{name}") == (span.trace_id.hex(), span.parent_span_id.hex(), span.name)
    assert {
        "http.request.method": "GET",
        "http.route": "/echo/{name}",
        "http.response.status_code": 200,
    } == _attributes(span)
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60 * 10**9
    assert {"litmus-gitops"} == collector.services


def test_without_a_caller_a_span_begins_a_trace(served: int, collector: Collector) -> None:
    handed = ask(served, "GET", "/echo/a").json()["headers"]["traceparent"]
    [span] = collector.spans()
    assert (handed.split("-")[1:3], b"") == ([span.trace_id.hex(), span.span_id.hex()], span.parent_span_id)


@pytest.mark.parametrize(("kind", "code"), [("Unexpected", 2), ("NotFound", 0)], ids=["ours", "the-callers"])
def test_an_error_of_ours_is_one_of_the_span(served: int, collector: Collector, kind: str, code: int) -> None:
    ask(served, "GET", f"/fail/{kind}")
    [span] = collector.spans()
    assert code == span.status.code


@pytest.mark.parametrize(
    ("path", "given"),
    [
        pytest.param("/odd/quiet", SAMPLED, id="what-is-only-counted"),
        pytest.param("/healthz", SAMPLED, id="a-probe"),
        pytest.param("/echo/a", UNSAMPLED, id="a-trace-that-is-not-sampled"),
    ],
)
def test_what_is_not_worth_a_span_has_none(served: int, collector: Collector, path: str, given: str) -> None:
    assert ask(served, "GET", path, Traceparent=given).status == 200
    assert [] == collector.spans()


def test_the_service_is_called_as_its_variable_says(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "chaos")
    with waitress_server(load(PROBE, "probe")) as port:
        ask(port, "GET", "/echo/a")
        collector.spans()
    assert {"chaos"} == collector.services


def test_a_collector_that_is_away_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    spans.cache_clear()
    with waitress_server(load(PROBE, "probe")) as port:
        assert [200] * 3 == [ask(port, "GET", "/echo/a").status for _ in range(3)]
    recorded = spans()
    assert recorded is not None
    recorded.tracer.span_processor.shutdown()
    spans.cache_clear()


@pytest.mark.parametrize(
    ("blocked", "endpoint", "warned"),
    [
        pytest.param("opentelemetry", "http://127.0.0.1:9", True, id="wanted-and-not-installed"),
        pytest.param("opentelemetry", "", False, id="not-wanted"),
    ],
)
def test_without_the_sdk_a_function_serves_and_says_what_is_missing(
    blocked: str, endpoint: str, *, warned: bool
) -> None:
    script = f"import sys; sys.modules[{blocked!r}] = None; import tests.edge.probe; print('serves')"
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ("serves", warned) == (done.stdout.strip(), "install opentelemetry-sdk" in done.stderr)
