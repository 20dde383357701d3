from __future__ import annotations

from pathlib import Path

import pytest

from shared.clients.google import Google
from shared.clients.google_secrets import open_google_secrets
from shared.clients.secrets import GOOGLE_PROJECTS, SecretReferences
from shared.errors import Invalid, Misconfigured, Unavailable
from shared.model.references import Reference
from tests.google import GoogleServer

OWN = "projects/acme/secrets/litmus-gitops-projects-hook"


def test_the_service_account_of_the_machine_is_who_asks(server: GoogleServer) -> None:
    server.secrets[OWN] = b"s3cret"
    read = open_google_secrets(Google(), server.url)
    assert ["s3cret"] * 2 == [read("litmus-gitops-projects-hook"), read(OWN)]
    assert 1 == sum(path.endswith("/token") for path in server.asked)


def test_a_secret_of_another_project_is_named_whole(server: GoogleServer) -> None:
    server.secrets["projects/other/secrets/key"] = b"x"
    assert "x" == open_google_secrets(Google(), server.url)("projects/other/secrets/key")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_secret_that_is_not_there_for_us_is_to_be_mended(server: GoogleServer, status: int) -> None:
    server.status = status
    with pytest.raises(Misconfigured, match=f"projects/acme/secrets/none cannot be read.*status {status}.*Accessor"):
        open_google_secrets(Google(), server.url)("none")


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_vault_in_trouble_is_unavailability_without_its_own_words(server: GoogleServer, status: int) -> None:
    server.status = status
    with pytest.raises(Unavailable, match=f"cannot be read from Secret Manager now \\(status {status}\\)$"):
        open_google_secrets(Google(), server.url)("none")


def test_a_secret_that_is_no_text_is_to_be_mended(server: GoogleServer) -> None:
    server.secrets[OWN] = b"\xff\xfe"
    with pytest.raises(Misconfigured, match="holds no text in UTF-8"):
        open_google_secrets(Google(), server.url)(OWN)


def test_nobody_who_answers_is_unavailability() -> None:
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1/v1/x does not answer"):
        Google(anonymous=True).call("GET", "http://127.0.0.1:1/v1/x?key=secret")


def test_without_credentials_it_is_said_where_they_come_from(
    server: GoogleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json")
    with pytest.raises(Misconfigured, match="run as a service account, or name a key file"):
        Google().call("GET", server.url)


def test_a_project_may_name_a_secret_that_is_meant_for_projects(server: GoogleServer, tmp_path: Path) -> None:
    server.secrets[OWN] = b'{"token": "t0ken"}'

    read = open_google_secrets(Google(), server.url)
    resolve = SecretReferences(tmp_path, {}, {"gcp-sm": lambda: lambda name: read(GOOGLE_PROJECTS + name)})
    assert '{"token": "t0ken"}' == resolve("gcp-sm:hook")
    assert "t0ken" == resolve("gcp-sm:hook#token")


@pytest.mark.parametrize("name", ["", "a/b", "projects/acme/secrets/master-key", "a b", "é"])
def test_a_reference_names_no_secret_elsewhere(name: str) -> None:
    with pytest.raises(Invalid, match="gcp-sm:NAME"):
        Reference.parse(f"gcp-sm:{name}")
