"""Secrets of AWS Secrets Manager, over HTTP from moto's server; what moto does not do, a party of our own answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.clients.aws_secrets import open_aws_secrets
from shared.clients.secrets import KEPT, SecretReferences
from shared.errors import Invalid, LitmusGitopsError, Misconfigured, Unavailable
from tests.aws import client, double
from tests.servers import HOST, served

PROJECTS = "litmus-gitops-projects/"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of Secrets Manager, for which the environment is set as Lambda sets it."""
    for name, value in double("moto").variables.items():
        monkeypatch.setenv(name, value)
    return client(double("moto"), "secretsmanager")


@pytest.fixture
def put(manager: Any, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return what makes a secret of the given text, of a name of its own, for projects."""
    name = f"hook-{sum(request.node.nodeid.encode())}"

    def make(text: str) -> str:
        manager.create_secret(Name=PROJECTS + name, SecretString=text)
        return name

    return make


def test_a_secret_for_projects_is_read_by_its_name(put: Callable[[str], str], tmp_path: Path) -> None:
    name = put("s3cret\n")
    assert "s3cret" == SecretReferences(tmp_path)(f"aws-sm:{name}")


def test_a_key_names_one_text_of_a_json_object(put: Callable[[str], str], tmp_path: Path) -> None:
    name = put(json.dumps({"token": "s3cret", "count": 1}))
    secrets = SecretReferences(tmp_path)
    assert "s3cret" == secrets(f"aws-sm:{name}#token")
    for field in ("count", "other"):
        with pytest.raises(Misconfigured, match=f"no JSON object with a text under '{field}'") as refused:
            secrets(f"aws-sm:{name}#{field}")
        assert "s3cret" not in str(refused.value)


def test_a_key_of_what_is_no_json_shows_nothing_of_it(put: Callable[[str], str], tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no JSON object") as refused:
        SecretReferences(tmp_path)(f"aws-sm:{put('s3cret')}#token")
    assert refused.value.__cause__ is None is refused.value.__context__
    assert "s3cret" not in str(refused.value)


def test_a_project_can_name_no_secret_but_those_for_projects(manager: Any, tmp_path: Path) -> None:
    manager.create_secret(Name="litmus-gitops/master-key", SecretString="ab" * 32)
    secrets = SecretReferences(tmp_path)
    with pytest.raises(Misconfigured, match="ResourceNotFoundException"):
        secrets("aws-sm:litmus-gitops/master-key")
    arn = manager.describe_secret(SecretId="litmus-gitops/master-key")["ARN"]
    with pytest.raises(Invalid):
        secrets(f"aws-sm:{arn}")
    assert "ab" * 32 == open_aws_secrets()(arn)


def test_a_rotation_counts_within_a_minute_and_a_burst_asks_once(
    put: Callable[[str], str], manager: Any, tmp_path: Path
) -> None:
    name, now, asked = put("former"), [1_000.0], []

    def counting() -> Callable[[str], str]:
        read = open_aws_secrets()
        return lambda name: asked.append(name) or read(PROJECTS + name)  # type: ignore[func-returns-value]

    secrets = SecretReferences(tmp_path, vaults={"aws-sm": counting}, clock=lambda: now[0])
    burst = [threading.Thread(target=secrets, args=(f"aws-sm:{name}",)) for _ in range(8)]
    for thread in burst:
        thread.start()
    for thread in burst:
        thread.join()
    manager.put_secret_value(SecretId=PROJECTS + name, SecretString="present")
    assert ("former", [name]) == (secrets(f"aws-sm:{name}"), asked)
    now[0] += KEPT
    assert ("present", [name, name]) == (secrets(f"aws-sm:{name}"), asked)
    assert KEPT < 60


def test_a_secret_that_is_missing_or_holds_no_text_is_named_with_the_mend(manager: Any) -> None:
    read = open_aws_secrets()
    with pytest.raises(Misconfigured, match=r"the secret none cannot be read .*ResourceNotFound.*GetSecretValue"):
        read("none")
    manager.create_secret(Name="binary", SecretBinary=b"\x00\x01")
    with pytest.raises(Misconfigured, match="the secret binary in Secrets Manager holds no text"):
        read("binary")


def test_a_failure_is_not_kept(manager: Any, tmp_path: Path) -> None:
    secrets, name = SecretReferences(tmp_path), "late"
    with pytest.raises(Misconfigured):
        secrets(f"aws-sm:{name}")
    manager.create_secret(Name=PROJECTS + name, SecretString="here")
    assert "here" == secrets(f"aws-sm:{name}")


def test_without_a_region_or_credentials_the_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Misconfigured, match="give AWS_REGION and credentials"):
        open_aws_secrets()


class Troubled(BaseHTTPRequestHandler):
    """Answers each call with the code that `codes` has for it."""

    codes: list[str]
    served: int

    def do_POST(self) -> None:
        type(self).served += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": self.codes[0], "message": "arn:aws:iam::123456789012:role/x may not"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize(
    ("code", "error", "calls"),
    [
        pytest.param("AccessDeniedException", Misconfigured, 1, id="no-right"),
        pytest.param("InvalidRequestException", Misconfigured, 1, id="marked-for-deletion"),
        pytest.param("ThrottlingException", Unavailable, 3, id="throttled-is-asked-again-a-bounded-number-of-times"),
        pytest.param("InternalServiceErrorX", Unavailable, 1, id="unknown"),
    ],
)
def test_a_refusal_says_whose_it_is_and_never_in_the_words_of_aws(
    monkeypatch: pytest.MonkeyPatch, code: str, error: type[LitmusGitopsError], calls: int
) -> None:
    handler = type("Handler", (Troubled,), {"codes": [code], "served": 0})
    server = ThreadingHTTPServer((HOST, 0), handler)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:{server.server_port}")
    with served(server), pytest.raises(error, match=code) as refused:
        open_aws_secrets()("hook")
    assert "123456789012" not in str(refused.value)
    assert calls == handler.served  # type: ignore[attr-defined]


@pytest.mark.usefixtures("manager")
def test_a_manager_that_is_away_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:9")
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        open_aws_secrets()("hook")
