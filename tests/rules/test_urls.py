from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.rules.urls import check_api, check_center, check_repository, check_subscriber


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o/r.git",
        "https://host.example.org:8443/r",
        "ssh://git@host.example.org/r",
        "git@github.com:o/r.git",
        "https://9.9.9.9/r",
        "https://[2606:4700::1111]/r",
        "https://1password.example.org/r",
    ],
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
        "https://LOCALHOST./r",
        "https://127.1/r",
        "https://2130706433/r",
        "https://0x7f000001/r",
        "https://0177.0.0.1/r",
        "https://[::ffff:127.0.0.1]/r",
        "https://[::ffff:10.0.0.1]/r",
        "https://[2002:7f00:1::]/r",
        "https://[fe80::1%25eth0]/r",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/r",
        "https://postgres/r",
        "https://git.shop.svc/r",
        "git@127.0.0.1:o/r.git",
        "git@gitea:o/r.git",
    ],
)
def test_a_local_repository_is_accepted_only_where_allowed(url: str) -> None:
    check_repository(url, allow_local=True)
    with pytest.raises(Invalid, match="this machine"):
        check_repository(url, allow_local=False)


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://h/r", "https://", "https://[bad/r", "file://", "https://h.example:0/r", "https://h.example:x/r"),
        *("https://h.example/r x", "https://h.example/r\nHost: other", "https://h.example\\@other/r", "\x00"),
        *("ssh://-oProxyCommand=x/r", "ssh://-l@h.example/r", "--upload-pack=x"),
    ],
)
def test_what_git_cannot_fetch_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="repo_url"):
        check_repository(url, allow_local=True)


@pytest.mark.parametrize("userinfo", ["me:hunter2@", "hunter2@", ":hunter2@"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(userinfo: str) -> None:
    with pytest.raises(Invalid, match="credential") as refused:
        check_repository(f"https://{userinfo}host.example.org/r", allow_local=True)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://me:hunter2/r", "https://hunter2[@host.example.org/r"])
def test_an_address_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(Invalid, match="no address") as refused:
        check_repository(url, allow_local=True)
    assert "hunter2" not in str(refused.value)


def test_a_secret_in_a_query_is_refused_and_not_repeated() -> None:
    with pytest.raises(Invalid, match="credential") as refused:
        check_repository("https://host.example.org/r?private_token=hunter2", allow_local=True)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://host.example.org/", "https://127.0.0.1/"])
def test_a_subscriber_is_reached_over_https_and_elsewhere(url: str) -> None:
    check_subscriber(url, allow_local=True)
    with pytest.raises(Invalid, match="https"):
        check_subscriber(url, allow_local=False)


@pytest.mark.parametrize("url", ["https://u:p@host.example.org/", "https://u@host.example.org/", "https://h.org/?a=b"])
def test_a_subscriber_needs_no_credentials(url: str) -> None:
    with pytest.raises(Invalid, match="credentials"):
        check_subscriber(url, allow_local=True)


def test_a_public_subscriber_is_accepted() -> None:
    check_subscriber("https://host.example.org/orders", allow_local=False)


@pytest.mark.parametrize("url", ["http://host.example.org/api/v3", "https://127.0.0.1/api/v4"])
def test_an_api_of_ours_alone_is_refused_unless_told(url: str) -> None:
    check_api(url, allow_local=True)
    with pytest.raises(Invalid, match="api_url must be https"):
        check_api(url, allow_local=False)


@pytest.mark.parametrize("url", ["https://u:p@host.example.org/", "https://u@host.example.org/", "https://h.org/?a=b"])
def test_an_api_is_named_without_credentials(url: str) -> None:
    with pytest.raises(Invalid, match="by reference"):
        check_api(url, allow_local=True)


def test_a_public_api_is_accepted() -> None:
    check_api("https://github.example.org/api/v3", allow_local=False)


@pytest.mark.parametrize("url", ["http://litmus.example.org/query", "https://127.0.0.1/query"])
def test_a_chaoscenter_of_ours_alone_is_refused_unless_told(url: str) -> None:
    check_center(url, allow_local=True)
    with pytest.raises(Invalid, match=r"chaoscenter\.url must be https"):
        check_center(url, allow_local=False)


@pytest.mark.parametrize(
    "url", ["https://u:p@h.example.org/", "https://u@h.org/", "https://h.org/?a=b", "https://h/#a"]
)
def test_a_chaoscenter_is_named_without_credentials(url: str) -> None:
    with pytest.raises(Invalid, match="a bearer token"):
        check_center(url, allow_local=True)


def test_a_public_chaoscenter_is_accepted() -> None:
    check_center("https://litmus.example.org/query", allow_local=False)
