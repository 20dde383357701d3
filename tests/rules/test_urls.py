from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.rules.urls import check_repository, check_subscriber


@pytest.mark.parametrize(
    "url", ["https://github.com/o/r.git", "ssh://git@host.example.org/r", "git@github.com:o/r.git"]
)
def test_a_public_repository_is_accepted(url: str) -> None:
    check_repository(url, allow_local=False)


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/r.git",
        "http://localhost/r",
        "https://127.0.0.1/r",
        "https://[::1]/r",
        "ssh://10.0.0.1/r",
        "http://a.local/",
    ],
)
def test_a_local_repository_is_accepted_only_where_allowed(url: str) -> None:
    check_repository(url, allow_local=True)
    with pytest.raises(Invalid, match="this machine"):
        check_repository(url, allow_local=False)


@pytest.mark.parametrize("url", ["", "ftp://h/r", "https://", "https://[bad/r", "file://"])
def test_what_git_cannot_fetch_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="repo_url"):
        check_repository(url, allow_local=True)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(Invalid) as refused:
        check_repository("https://me:hunter2@host.example.org/r", allow_local=True)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://host.example.org/", "https://127.0.0.1/"])
def test_a_subscriber_is_reached_over_https_and_elsewhere(url: str) -> None:
    check_subscriber(url, allow_local=True)
    with pytest.raises(Invalid, match="https"):
        check_subscriber(url, allow_local=False)


def test_a_subscriber_needs_no_credentials() -> None:
    with pytest.raises(Invalid, match="credentials"):
        check_subscriber("https://u:p@host.example.org/", allow_local=True)


def test_a_public_subscriber_is_accepted() -> None:
    check_subscriber("https://host.example.org/orders", allow_local=False)
