from __future__ import annotations

import pytest

from shared.clients.git.places import Place, login
from shared.clients.git.refusals import declined, said
from shared.errors import Forbidden, Invalid, Protected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://ada:s3cret@git.example.com:8443/team/chaos.git",
            Place(
                "https",
                "git.example.com",
                8443,
                "/team/chaos.git",
                "ada",
                "https://git.example.com:8443/team/chaos.git",
            ),
            id="https",
        ),
        pytest.param(
            "git@git.example.com:team/chaos.git",
            Place("ssh", "git.example.com", None, "team/chaos.git", "git", "git.example.com:team/chaos.git"),
            id="scp",
        ),
        pytest.param(
            "ssh://[2001:db8::1]:22/chaos.git",
            Place("ssh", "2001:db8::1", 22, "/chaos.git", None, "ssh://[2001:db8::1]:22/chaos.git"),
            id="IPv6",
        ),
        pytest.param(
            "file:///srv/my%20chaos.git",
            Place("file", "", None, "/srv/my chaos.git", None, "file:///srv/my%20chaos.git"),
            id="file",
        ),
    ],
)
def test_an_address_is_read_and_shown_without_its_login(url: str, expected: Place) -> None:
    assert expected == Place.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://git.example.com/chaos.git", id="no scheme of git"),
        pytest.param("ext::sh -c date", id="a command"),
        pytest.param("ssh://-oProxyCommand=date/chaos.git", id="an option in place of a host"),
        pytest.param("-oProxyCommand:chaos.git", id="an option in place of a host, as scp"),
        pytest.param("ssh://-lroot@git.example.com/chaos.git", id="an option in place of a user"),
        pytest.param("https:///chaos.git", id="no host"),
        pytest.param("chaos.git", id="a bare word"),
        pytest.param("https://git.example.com:99999/chaos.git", id="no port"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Place.parse(url)


def test_without_a_credential_there_is_no_login() -> None:
    assert login(Place.parse("https://git.example.com/chaos.git"), None) is None


def test_a_foreign_sentence_is_one_clean_line() -> None:
    text = "fatal: https://ada:s3cret@git.example.com/x\r\n\x1b[31mno" + "!" * 600
    assert ("fatal: https://git.example.com/x [31mno" + "!" * 600)[:500] == said(text)


def test_a_host_without_words_is_not_quoted() -> None:
    assert "it gave no reason" == said("\r\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            "protected branch hook declined error: GH006: Protected branch update failed for refs/heads/main.",
            Protected,
            id="GitHub's branch protection",
        ),
        pytest.param(
            "push declined due to repository rule violations error: GH013: Repository rule violations found",
            Protected,
            id="GitHub's rule sets",
        ),
        pytest.param(
            "pre-receive hook declined GitLab: You are not allowed to push code to protected branches on this project.",
            Protected,
            id="GitLab",
        ),
        pytest.param(
            "pre-receive hook declined Gitea: Not allowed to push to protected branch main", Protected, id="Gitea"
        ),
        pytest.param(
            "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
            Protected,
            id="Azure DevOps",
        ),
        pytest.param("hook declined not today", Protected, id="a hook of plain git"),
        pytest.param("shallow update not allowed", Forbidden, id="something else"),
    ],
)
def test_a_push_that_is_declined_by_a_rule_of_the_branch_is_told_apart(words: str, expected: type[Forbidden]) -> None:
    error = declined(Place.parse("https://git.example.com/chaos.git"), b"refs/heads/main", words)
    assert (expected, f"git.example.com refused the push to refs/heads/main: {words}") == (type(error), str(error))
