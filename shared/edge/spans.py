"""A span of OpenTelemetry for each request that leaves a line in the log, where its SDK is installed and told where to.

The SDK is no part of a bundle, and is set by its own variables (opentelemetry.io, "Environment Variable
Specification"), which it reads itself; without an endpoint for traces it is left alone. It sends spans over OTLP/HTTP
in batches and from a thread of its own. They have the ids that `traceparent` carries from hop to hop.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from shared.model.traces import ID, SPAN, TRACE

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
NAME: Final = "litmus-gitops"
"""Of the service, where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES names it, and of what makes spans."""

_API: Final = "opentelemetry.trace"
_SDK: Final = "opentelemetry.sdk"
_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_BROKEN: Final = 500
"""Statuses from here on are errors of ours (semantic conventions for HTTP spans)."""

_log = logging.getLogger("litmus_gitops.edge")


@dataclass(frozen=True, slots=True)
class Spans:
    """Records requests: `api` is the module, `tracer` that of the SDK."""

    api: ModuleType
    tracer: Any

    def record(self, caller: str, method: str, template: str, status: int, times: tuple[int, int]) -> None:
        """Record a request that was answered, in the trace that is set, as a child of the caller's span.

        `caller` is a trace context in version 00, or empty; `times` are nanoseconds since 1970, begun and ended. What
        goes wrong is logged, and costs no answer.
        """
        try:
            self._record(caller, method, template, status, times)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("a span was not recorded", extra={"route": template})

    def _record(self, caller: str, method: str, template: str, status: int, times: tuple[int, int]) -> None:
        began, ended = times
        span = self.tracer.start_span(
            f"{method} {template}",
            self._context(caller),
            self.api.SpanKind.SERVER,
            {"http.request.method": method, "http.route": template, "http.response.status_code": status},
            start_time=began,
        )
        if status >= _BROKEN:
            span.set_status(self.api.StatusCode.ERROR)
        span.end(ended)

    def _context(self, caller: str) -> Any:
        if not caller:
            return self.api.set_span_in_context(self.api.INVALID_SPAN)
        _, trace, span, flags = caller.split("-")
        flag = self.api.TraceFlags(int(flags, 16))
        there = self.api.SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=flag)
        return self.api.set_span_in_context(self.api.NonRecordingSpan(there))


def _ids(base: Any) -> Any:
    """Return what gives a span the ids of the trace context that is set, as the SDK's `IdGenerator`."""

    class Ids(base):  # type: ignore[misc]
        def generate_trace_id(self) -> int:
            return int(TRACE.get()[ID], 16)

        def generate_span_id(self) -> int:
            return int(TRACE.get()[SPAN], 16)

    return Ids()


@cache
def spans() -> Spans | None:
    """Return what records requests in this process; None, with a warning, where the SDK is missing."""
    told = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if told is None:
        return None
    try:
        trace, export = import_module(f"{_SDK}.trace"), import_module(f"{_SDK}.trace.export")
        resources, otlp = import_module(f"{_SDK}.resources"), import_module(_EXPORTER)
    except ImportError as error:
        wanted = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
        _log.warning("%s is set, and no spans are sent: %s; install %s", told, error, wanted)
        return None
    resource = resources.Resource({"service.name": NAME}).merge(resources.OTELResourceDetector().detect())
    about = resources.Resource.create().merge(resource)
    provider = trace.TracerProvider(id_generator=_ids(trace.IdGenerator), resource=about)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return Spans(import_module(_API), provider.get_tracer(NAME))
