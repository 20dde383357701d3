"""AWS on loopback: moto's server, and the environment that Lambda would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local.folder import furnish
from tests.aws import client, double


@pytest.fixture
def lambda_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set AWS' variables as Lambda does, and a data folder for functions on SQLite; return the folder."""
    furnish(tmp_path)
    for name, value in (double("moto").variables | {"DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return tmp_path


@pytest.fixture
def sqs() -> Any:
    """A client of SQS."""
    return client(double("moto"), "sqs")


@pytest.fixture
def manager(lambda_environment: Path) -> Any:
    """A client of Secrets Manager, which functions reach too."""
    assert lambda_environment
    return client(double("moto"), "secretsmanager")
