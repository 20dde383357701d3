from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.servers import SERVERS, load

PROBE = Path(__file__).parent / "probe.py"


@pytest.fixture(scope="module", params=sorted(SERVERS))
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The probe's port, behind each server."""
    with SERVERS[cast("str", request.param)](load(PROBE, "probe")) as port:
        yield port
