"""What GitHub says of itself, from npm: its API's description, its GraphQL schema, and examples of its deliveries."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "npm" / "node_modules" / "@octokit"


def octokit(package: str) -> Path:
    """Return the folder of an installed package; without it a test is skipped, or fails where CI is `true`."""
    folder = FOLDER / package
    if not folder.is_dir():
        why = f"npm's @octokit/{package} is not installed: run `make .venv/npm-installed` (needs npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return folder


@cache
def deliveries() -> tuple[tuple[str, Any], ...]:
    """Return the event and the payload of every published example, of github.com and of Enterprise Server."""
    files = sorted(octokit("webhooks-examples").glob("*/index.json"))
    events = [event for file in files for event in json.loads(file.read_bytes())]
    return tuple((event["name"], payload) for event in events for payload in event["examples"])
