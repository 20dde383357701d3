"""What Prometheus (HTTP API v1, instant queries) and Alertmanager (API v2, alerts) are asked, and what they answer.

Source of the fields: prometheus.io, "HTTP API"; prometheus/alertmanager, `api/v2/openapi.yaml`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from shared.model.calls import Answer
from shared.model.monitoring import Heard, Sample
from shared.model.projects import StopCondition

TIMEOUT: Final = "2s"
"""How long Prometheus may evaluate, so that it says itself that a query takes too long."""

_SHOWN: Final = 200

Point = tuple[float, str]


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    data: _Data | None = None
    error_type: str = ""
    error: str = ""
    warnings: tuple[str, ...] = ()


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: Point | None = None


class _Alert(msgspec.Struct, frozen=True):
    labels: dict[str, str]


_response = msgspec.json.Decoder(_Response)
_vector = msgspec.json.Decoder(tuple[_Series, ...])
_scalar = msgspec.json.Decoder(Point)
_alerts = msgspec.json.Decoder(tuple[_Alert, ...])


def question(condition: StopCondition) -> str:
    """Return the address that answers a condition."""
    base = condition.url.rstrip("/")
    if condition.promql is not None:
        return f"{base}/api/v1/query?{urlencode({'query': condition.promql, 'timeout': TIMEOUT}, quote_via=quote)}"
    matcher = f'alertname="{_escaped(condition.alert or "")}"'
    return f"{base}/api/v2/alerts?{urlencode({'filter': matcher}, quote_via=quote)}"


def heard(condition: StopCondition, answer: Answer) -> Heard:
    """Return what an answer says of a condition; one that says nothing has a `problem`."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    try:
        return _query(answer.status, body) if condition.promql is not None else _fires(condition, answer.status, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return Heard(problem=f"{_who(condition)} answered {answer.status} with what is none of its answers")


def _query(status: int, body: bytes) -> Heard:
    said = _response.decode(body)
    if said.status != "success" or said.data is None:
        return Heard(problem=_brief(f"Prometheus answered {status}, {said.error_type}: {said.error}"))
    incomplete = _brief(f"Prometheus warns: {'; '.join(said.warnings)}") if said.warnings else ""
    return _values(said.data, incomplete)


def _values(data: _Data, incomplete: str) -> Heard:
    if data.result_type == "scalar":
        return Heard((Sample(float(_scalar.decode(data.result)[1])),), incomplete)
    if data.result_type != "vector":
        return Heard(problem=_brief(f"its query yields a {data.result_type}, not one value a series"))
    series = _vector.decode(data.result)
    samples = tuple(Sample(float(one.value[1]), one.metric) for one in series if one.value)
    return Heard(samples, incomplete or ("" if len(samples) == len(series) else "its query yields histograms"))


def _fires(condition: StopCondition, status: int, body: bytes) -> Heard:
    """Return the alerts that fire; silenced and inhibited ones fire as well, since what they tell of is still so."""
    if status != 200:  # noqa: PLR2004 - HTTP: OK
        return Heard(problem=f"Alertmanager answered {status}")
    named = (alert.labels for alert in _alerts.decode(body))
    return Heard(tuple(Sample(1.0, labels) for labels in named if labels.get("alertname") == condition.alert))


def _who(condition: StopCondition) -> str:
    return "Alertmanager" if condition.promql is None else "Prometheus"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _brief(text: str) -> str:
    return " ".join(text.split())[:_SHOWN]
