from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth import environment_vars
from google.auth.compute_engine import _metadata

from tests.google import GoogleServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleServer]:
    """Google on loopback, whose metadata server is the only place where credentials are found."""
    with GoogleServer() as made:
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", made.host)  # it reads GCE_METADATA_HOST when imported
        monkeypatch.setattr(_metadata, "_GCE_DEFAULT_MDS_HOSTS", [made.host])
        monkeypatch.setenv(environment_vars.GCE_METADATA_IP, made.host)
        monkeypatch.setenv("HOME", "/nonexistent")
        monkeypatch.delenv(environment_vars.CREDENTIALS, raising=False)
        yield made
