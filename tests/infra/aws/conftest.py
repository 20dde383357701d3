"""Stories on a deployment of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.aws import Double, double
from tests.gitserver import GitServer
from tests.infra.aws.cloud import Amazon, InProcess, Invoked, furnished
from tests.infra.aws.runtime import InRuntime
from tests.infra.aws.story import AmazonStory
from tests.infra.outside import LOGIN, MASTER_KEY, OWNER

Functions = Callable[[dict[str, str], ExitStack], Invoked]


def told(folder: Path, at: Double, functions: Functions) -> Iterator[AmazonStory]:
    """A project with an empty repository, on a table of its own."""
    environment = furnished(at)
    (folder / "git").mkdir()
    with ExitStack() as parts:
        server = parts.enter_context(GitServer(folder / "git", login=LOGIN))
        server.create()
        yield AmazonStory(Amazon(environment, functions(environment, parts), at), server, server.clone())


@pytest.fixture
def here(lambda_environment: Path) -> Iterator[AmazonStory]:
    """A project whose functions run in this process, on moto's server."""
    yield from told(lambda_environment, double("moto"), lambda environment, _: InProcess(environment))


@pytest.fixture
def on_ministack(lambda_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AmazonStory]:
    """The same on ministack, which does not copy its tables for each transaction."""
    at = double("ministack")
    for name, value in at.variables.items():
        monkeypatch.setenv(name, value)
    yield from told(lambda_environment, at, lambda environment, _: InProcess(environment))


@pytest.fixture
def always_cold(on_ministack: AmazonStory) -> AmazonStory:
    """The same where each call is an instance's first: what instances remember for seconds changes no count."""
    environment = on_ministack.cloud.environment | {"MASTER_KEY": MASTER_KEY, "ADMIN_TOKEN": OWNER}
    on_ministack.cloud.invoke = InProcess(environment, anew=True)
    return on_ministack


@pytest.fixture
def in_runtime(lambda_environment: Path) -> Iterator[AmazonStory]:
    """A project whose functions run as Lambda runs them, on moto's server."""
    yield from told(
        lambda_environment,
        double("moto"),
        lambda environment, parts: InRuntime(environment, lambda_environment, parts),
    )
