"""What GitHub says of itself, from npm: its API's description, its GraphQL schema, and examples of its deliveries."""

from __future__ import annotations

import os
from pathlib import Path

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
