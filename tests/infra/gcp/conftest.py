from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.google import GoogleServer, signing_key


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    """Google on loopback, which signs with one key."""
    with GoogleServer(keys=[signing_key("today")]) as made:
        yield made
