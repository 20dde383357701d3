from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import PARTIES, Party


@pytest.fixture(params=list(PARTIES))
def party(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Party]:
    """Each host in turn; at the end it says whether the real one would have taken every call."""
    opened = PARTIES[request.param](tmp_path)
    yield opened
    opened.stop()
    opened.judge()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubParty]:
    """GitHub, with a token."""
    opened = GitHubParty(tmp_path)
    yield opened
    opened.stop()
    opened.judge()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[GitHubParty]:
    """GitHub, as a GitHub App."""
    opened = GitHubParty(tmp_path, app=True)
    yield opened
    opened.stop()
    opened.judge()


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabParty]:
    """GitLab, with a project access token."""
    opened = GitLabParty(tmp_path)
    yield opened
    opened.stop()
