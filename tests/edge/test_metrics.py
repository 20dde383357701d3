from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.edge.metrics import HELP, Metrics

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\"(litmus_gitops_[a-z_]+)\"")


def test_counters_are_rendered_with_their_help_and_labels() -> None:
    metrics = Metrics()
    metrics.count("litmus_gitops_reviews_total", outcome="dry_run")
    metrics.count("litmus_gitops_reviews_total", outcome="dry_run")
    metrics.count("litmus_gitops_reviews_total", outcome="changed", source="audit")
    expected = (
        "# HELP litmus_gitops_reviews_total Reviews, kept and then decided, and audit events, "
        "by outcome: busy, error: lost.\n"
        "# TYPE litmus_gitops_reviews_total counter\n"
        'litmus_gitops_reviews_total{outcome="changed",source="audit"} 1\n'
        'litmus_gitops_reviews_total{outcome="dry_run"} 2\n'
    )
    assert expected == metrics.render()


def test_a_gauge_is_what_it_was_set_to_last() -> None:
    metrics = Metrics()
    metrics.gauge("litmus_gitops_queue_oldest_age_seconds", 7.5)
    metrics.gauge("litmus_gitops_queue_oldest_age_seconds", 0.25)
    assert "litmus_gitops_queue_oldest_age_seconds 0.25" == metrics.render().splitlines()[-1]


def test_label_values_are_escaped() -> None:
    metrics = Metrics()
    metrics.count("litmus_gitops_reviews_total", outcome='a "b"\\\nc')
    assert r'litmus_gitops_reviews_total{outcome="a \"b\"\\\nc"} 1' == metrics.render().splitlines()[-1]


def test_threads_lose_no_count() -> None:
    metrics = Metrics()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2000):
            pool.submit(metrics.count, "litmus_gitops_reviews_total")
    assert "litmus_gitops_reviews_total 2000" == metrics.render().splitlines()[-1]


def test_every_name_that_the_code_counts_is_documented() -> None:
    sources = [path for folder in ("shared", "functions", "infra") for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in sources if path.name != "metrics.py"]
    counted = {name for text in texts for name in NAME.findall(text)}
    assert set() == counted - set(HELP)
