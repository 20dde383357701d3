"""The command's way to the API: one call, and errors as one sentence with the mend."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import urllib3

DEFAULT_SERVER = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Portal:
    """The API of one deployment, as its owner."""

    server: str
    token: str

    def call(
        self, method: str, path: str, body: object = None, *, media: str = "application/json", accept: str = "*/*"
    ) -> Any:
        """Return the decoded answer; what is refused ends the command with exit status 1 and the reason."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media, "Accept": accept}
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        try:
            answer = urllib3.request(
                method, f"{self.server}/api{path}", body=data, headers=headers, timeout=30, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            sentence = f"{self.server} does not answer ({error}): start it with `make run`, or name it with --server"
            raise click.ClickException(sentence) from error
        return _decoded(answer)

    def items(self, path: str, limit: int, **query: str | None) -> Iterator[dict[str, Any]]:
        """Yield up to `limit` rows of a list, page after page."""
        asked = {name: value for name, value in query.items() if value is not None}
        cursor: str | None = None
        while limit > 0:
            page = self.call("GET", f"{path}?{urlencode(asked | {'limit': str(min(limit, 500))} | _after(cursor))}")
            yield from page["items"]
            cursor, limit = page["next"], limit - len(page["items"])
            if cursor is None:
                return


def _after(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"cursor": cursor}


def _decoded(answer: urllib3.BaseHTTPResponse) -> Any:
    media = answer.headers.get("Content-Type", "")
    value = json.loads(answer.data) if "json" in media and answer.data else answer.data
    if answer.status < 400:  # noqa: PLR2004 - HTTP: 4xx and 5xx are refusals
        return value
    raise click.ClickException(_refusal(answer.status, value))


def _refusal(status: int, value: Any) -> str:
    if not isinstance(value, dict):
        return f"the server answered {status}"
    problems = "".join(f"\n  {problem}" for problem in map(_problem, value.get("problems", ())))
    return f"{value.get('detail', status)}{problems}"


def _problem(problem: dict[str, Any]) -> str:
    place = problem.get("field") or f"line {problem.get('line')}, column {problem.get('column')}"
    return f"{place}: {problem.get('message')}"


def token_of(given: str | None) -> str:
    """Return the owner's token: as given, or as a local `make run` keeps it in its data folder."""
    if given:
        return given
    kept = Path(os.environ.get("DATA_DIR", ".data")) / "admin-token"
    if kept.is_file():
        return kept.read_text(encoding="utf-8").strip()
    raise click.UsageError("no owner's token: set LITMUS_GITOPS_TOKEN, or run this where `make run` keeps its .data")


@dataclass(frozen=True, slots=True)
class Lazy:
    """The portal that a command talks to, opened when it is first needed."""

    server: str
    token: str | None

    def open(self) -> Portal:
        """Return the portal: a usage error where no token is known."""
        return Portal(self.server.rstrip("/"), token_of(self.token))
