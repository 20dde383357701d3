"""A bundle under Lambda's own runtime client: what it says when it cannot start, and what it logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.infra.aws import events
from tests.infra.aws.cloud import furnished
from tests.infra.aws.runtime import Failed, started


@pytest.fixture
def parts() -> Iterator[ExitStack]:
    with ExitStack() as parts:
        yield parts


@pytest.mark.usefixtures("lambda_environment")
def test_a_function_whose_secret_is_missing_does_not_start_and_says_why(tmp_path: Path, parts: ExitStack) -> None:
    environment = furnished() | {"MASTER_KEY": "aws-sm:no-such-key"}
    with pytest.raises(
        Failed, match=r"the secret no-such-key cannot be read from Secrets Manager .*\"errorType\": \"Misconfigured\""
    ):
        started("run_report", tmp_path, environment, parts)(events.TICK)


@pytest.mark.usefixtures("lambda_environment")
def test_a_record_is_logged_once_and_never_a_path(tmp_path: Path, parts: ExitStack) -> None:
    review = started("workload_admission", tmp_path, furnished(), parts)
    answer = review(events.request("POST", "/admission/c1/the-token", b"{}", {"Content-Type": "application/json"}))
    assert 401 == answer["statusCode"]
    with pytest.raises(Failed, match="this event is none that a function takes"):
        review({})
    log = review.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if "answered" in line]
    assert [("/admission/{cluster}/{token}", 401)] == [(line["route"], line["status"]) for line in lines]
    assert "the-token" not in log
