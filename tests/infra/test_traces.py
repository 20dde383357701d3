"""A trace goes on from the request to the messages that it caused, and to those that these cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.infra.commanding import TOKEN, served

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}


def test_what_a_request_causes_is_logged_in_its_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    read: list[str] = []

    def lines(route: str, trace: str) -> list[dict[str, Any]]:
        read.extend(text for text in capfd.readouterr().err.splitlines() if text.startswith("{"))
        told = [json.loads(text) for text in read]
        return [line for line in told if line.get("route") == route and line.get("trace") == trace]

    with served(tmp_path) as portal:
        portal.enable()
        answer = urllib3.request("POST", f"{portal.engine.url}/api/projects/shop/sync", headers=HEADERS)
        assert 202 == answer.status
        [line] = portal.until(lambda: lines("/internal/sync", TRACE_ID))
        assert ("answered", 204) == (line["message"], line["status"])
