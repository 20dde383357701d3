"""AWS on loopback: moto's server, and the environment that Lambda would give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from infra.local.folder import furnish
from tests.infra.aws.events import REGION
from tests.servers import HOST


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Where moto serves."""
    server = ThreadedMotoServer(HOST, 0, verbose=False)
    server.start()
    yield f"http://{HOST}:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def lambda_environment(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set AWS' variables as Lambda does, and a data folder for functions on SQLite; return the folder."""
    furnish(tmp_path)
    told = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": moto}
    told |= {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "test", "DATA_DIR": str(tmp_path)}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return tmp_path


@pytest.fixture
def sqs(lambda_environment: Path) -> Any:
    """A client of SQS."""
    assert lambda_environment
    return botocore.session.get_session().create_client("sqs")
