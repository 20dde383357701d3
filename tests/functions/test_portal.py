"""The real `portal` on real servers, over a data folder, as a person's tools and a stranger's meet it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.sqlite import open_database
from tests.servers import SERVERS, ask, load, say

SOURCE = Path(__file__).parents[2] / "functions" / "portal" / "main.py"
TOKEN = "the-owners-token"


@dataclass(frozen=True)
class Portal:
    port: int

    def call(self, method: str, path: str, given: object = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Call the API as the owner; never is it our fault."""
        data = given if isinstance(given, bytes | None) else json.dumps(given).encode()
        answer = ask(self.port, method, f"/api{path}", data, **{"authorization": f"Bearer {TOKEN}", **headers})
        assert answer.status < 500, answer.data
        return answer


@pytest.fixture(scope="module", params=sorted(SERVERS))
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("data")
    furnish(folder)
    with applied({"DATA_DIR": str(folder), "ADMIN_TOKEN": TOKEN, "PUBLIC_URL": "https://portal.example.org/"}):
        app = load(SOURCE, "portal")
    with SERVERS[cast("str", request.param)](app) as port:
        served = Portal(port)
        assert served.call("POST", "/projects", {"id": "shop", "name": "Shop"}).status == 201
        yield served
    open_database(folder / "litmus-gitops.db").close()


def problem(answer: urllib3.BaseHTTPResponse) -> Any:
    assert "application/problem+json" == answer.headers["Content-Type"]
    found = answer.json()
    assert {"type", "title", "status", "detail"} <= found.keys()
    assert answer.status == found["status"]
    return found


def test_the_page_is_served_with_its_policy(portal: Portal) -> None:
    for path in ("/", "/page.css", "/page.js"):
        answer = ask(portal.port, "GET", path)
        assert (200, True) == (answer.status, "default-src 'none'" in answer.headers["Content-Security-Policy"])


def test_the_description_is_everyones_and_the_rest_the_owners(portal: Portal) -> None:
    assert ask(portal.port, "GET", "/api/openapi.json").json()["openapi"] == "3.1.0"
    assert problem(ask(portal.port, "GET", "/api/projects"))["title"] == "Unauthenticated"
    assert portal.call("GET", "/projects").json()["items"][0]["id"] == "shop"
    assert portal.call("GET", "/projects", authorization=f"bearer  {TOKEN} ").status == 200


def test_a_cluster_is_told_the_public_address(portal: Portal) -> None:
    made = portal.call("POST", "/projects/shop/clusters", {"id": "c1", "name": "One"})
    assert (201, True) == (made.status, made.json()["audit_url"].startswith("https://portal.example.org/audit/c1/"))
    assert portal.call("DELETE", "/projects/shop/clusters/c1").status == 204


@pytest.mark.parametrize(
    "path",
    [
        *("%2e%2e", "..%2fshop", "shop%00", "%ff%fe", "%ED%A0%80", "%E2%80%AE", "%", "%zz", "x" * 4000, "sh%0aop", "ü"),
        *("shop/experiments/..", "shop/experiments/%2e%2e", "shop%2F..", "shop;x=1", "*", "'%20OR%201=1"),
    ],
)
def test_a_path_with_anything_in_it_is_not_found(portal: Portal, path: str) -> None:
    head = f"GET /api/projects/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    answer = say(portal.port, head.encode())
    assert re.match(rb"HTTP/1.[01] (404|400) ", answer), answer


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "TRACE", "X"])
def test_a_method_that_is_not_offered_is_named_with_those_that_are(portal: Portal, method: str) -> None:
    answer = portal.call(method, "/projects")
    assert (405, "GET, HEAD, POST") == (answer.status, answer.headers["Allow"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(b"x" * ((1 << 20) + 1), 413, id="over-the-limit"),
        pytest.param(b"[" * (1 << 20), 400, id="deep"),
        pytest.param(b'{"id": ' + b"9" * 100_000 + b"}", 400, id="a-number-without-end"),
        pytest.param(b"\xff\xfe\x00", 400, id="no-text"),
        pytest.param(b'{"id": "a", "name": "\\ud800"}', 422, id="half-a-character"),
        pytest.param(b"null", 422, id="null"),
        pytest.param(b"", 422, id="nothing"),
        pytest.param(b'{"\\ud800": 1}', 422, id="half-a-name"),
    ],
)
def test_a_body_that_is_wrong_is_explained(portal: Portal, given: bytes, expected: int) -> None:
    answer = portal.call("POST", "/projects", given)
    assert expected == problem(answer)["status"]
    assert len(answer.data) < 10_000


def test_a_thousand_wrong_names_are_not_all_repeated(portal: Portal) -> None:
    answer = portal.call("POST", "/projects", {f"name-{'x' * 100}-{number}": 1 for number in range(1000)})
    assert 422 == problem(answer)["status"]
    assert len(answer.data) < 10_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("repo_url", "file:///etc", id="a-folder-of-ours"),
        pytest.param("repo_url", "http://169.254.169.254/latest", id="the-clouds-metadata"),
        pytest.param("repo_url", "https://0x7f.1/r", id="ourselves-in-disguise"),
        pytest.param("repo_url", "https://user:hunter2@git.example.org/r", id="a-password"),
        pytest.param("repo_url", "ssh://-oProxyCommand=id@x/r", id="an-option"),
        pytest.param("credential", "hunter2", id="a-pasted-secret"),
        pytest.param("credential", "env:PATH", id="another-variable"),
        pytest.param("webhook_secrets", ["file:../admin-token"], id="a-file-elsewhere"),
        pytest.param("branch", "main\nHEAD", id="two-lines"),
        pytest.param("path", "../../etc", id="a-folder-above"),
    ],
)
def test_settings_reach_nothing_of_ours(portal: Portal, field: str, value: object) -> None:
    answer = portal.call("PUT", "/projects/shop/gitops", {"repo_url": "https://git.example.org/r", field: value})
    assert 422 == problem(answer)["status"]
    assert b"hunter2" not in answer.data
    assert portal.call("GET", "/projects/shop/gitops").status == 404


@pytest.mark.parametrize(
    "url", ["http://subscriber.example.org/", "https://127.0.0.1/", "https://10.0.0.8/", "gopher://x/"]
)
def test_a_subscriber_is_elsewhere_and_over_https(portal: Portal, url: str) -> None:
    body = {"id": "c9", "name": "x", "subscriber_url": url}
    assert portal.call("POST", "/projects/shop/clusters", body).status == 422


def test_a_head_request_is_a_get_without_a_body(portal: Portal) -> None:
    answer = portal.call("HEAD", "/projects/shop")
    assert (200, b"") == (answer.status, answer.data)


def test_no_line_of_our_log_holds_a_secret_or_a_name(portal: Portal, capfd: pytest.CaptureFixture[str]) -> None:
    made = portal.call("POST", "/projects/shop/clusters", {"id": "secretive", "name": "x"}).json()
    portal.call("GET", "/projects/shop-that-is-secret/sync")
    portal.call("DELETE", "/projects/shop/clusters/secretive")
    lines = "\n".join(line for line in capfd.readouterr().err.splitlines() if '"litmus_gitops.edge"' in line)
    assert "/api/projects/{project}/sync" in lines
    for secret in (TOKEN, made["subscriber_secret"], made["admission_url"], "shop-that-is-secret", "secretive"):
        assert secret not in lines
