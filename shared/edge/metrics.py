"""Counters and gauges of this process in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from shared.model.calls import Answer, Call

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

HELP: Final[Mapping[str, str]] = {
    "litmus_gitops_requests_total": "Requests that were answered, by route and status.",
    "litmus_gitops_deliveries_total": "Deliveries that were verified, by outcome: accepted, repeated, ignored.",
    "litmus_gitops_reviews_total": "Reviews, kept and then decided, and audit events, by outcome: busy, error: lost.",
    "litmus_gitops_forwarded_total": "Reviews that a subscriber kept, by outcome: told, refused, lost.",
    "litmus_gitops_messages_total": "Messages handed to functions, by function and outcome: done, not_yet, failed.",
    "litmus_gitops_queue_messages": "Messages in the queue, by state: ready, delayed, leased, dead.",
    "litmus_gitops_queue_oldest_age_seconds": "Age of the oldest message that is not done.",
    "litmus_gitops_open_circuits": "Clusters whose subscriber is left alone but for a probe now and then.",
    "litmus_gitops_long_polls": "Subscribers that wait for orders right now.",
}
"""Every name that is counted anywhere, with what it means; labels are few and never hold what a caller sent."""

_Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Named series of numbers that any thread may move."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[_Labels, float]] = {}
        self._gauges: dict[str, dict[_Labels, float]] = {}

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            series = self._counters.setdefault(name, {})
            series[key] = series.get(key, 0) + 1

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def render(self) -> str:
        """Return all series as text, sorted by name and labels."""
        with self._lock:
            blocks = [_block(name, "counter", series) for name, series in self._counters.items()]
            blocks += [_block(name, "gauge", series) for name, series in self._gauges.items()]
        return "".join(sorted(blocks))


def _block(name: str, kind: str, series: Mapping[_Labels, float]) -> str:
    head = f"# HELP {name} {HELP.get(name, 'Not documented.')}\n# TYPE {name} {kind}\n"
    return head + "".join(f"{name}{_braced(labels)} {value:.15g}\n" for labels, value in sorted(series.items()))


def _braced(labels: _Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def answer(_: Call) -> Answer:
    """Answer `GET /metrics`."""
    return Answer(200, render(), {"Content-Type": MEDIA_TYPE}, quiet=True)


_process = Metrics()
count = _process.count
gauge = _process.gauge
render = _process.render
