"""The command's way to the API: one call, and errors as one sentence with the mend."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click
import urllib3

from infra.cli.output import plain

DEFAULT_SERVER = "http://127.0.0.1:8080"


class Refusal(click.ClickException):
    """The server refused; `status` is that of its answer. Ends the command with exit status 1 and the reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(plain(message))
        self.status = status


@dataclass(frozen=True, slots=True)
class Portal:
    """The API of one deployment, as its owner."""

    server: str
    token: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = "application/json",
        accept: str = "*/*",
        editor: str | None = None,
    ) -> Any:
        """Return the decoded answer; what is refused is raised as `Refusal`, with the reason.

        `editor` is the person for whom the owner speaks, `Name <mail>`.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media, "Accept": accept}
        headers |= {} if editor is None else {"X-Editor": editor.encode().decode("latin-1")}
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        try:
            answer = urllib3.request(
                method, f"{self.server}/api{path}", body=data, headers=headers, timeout=30, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            sentence = f"{self.server} does not answer ({error}): start it with `make run`, or name it with --server"
            raise click.ClickException(sentence) from error
        return self._decoded(answer, accept)

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

    def _decoded(self, answer: urllib3.BaseHTTPResponse, accept: str) -> Any:
        value = _value(answer)
        if answer.status >= 400:  # noqa: PLR2004 - HTTP: 4xx and 5xx are refusals
            raise Refusal(answer.status, _refusal(answer.status, value))
        if answer.status >= 300 or not (value is None or isinstance(value, dict) or "yaml" in accept):  # noqa: PLR2004 - redirects
            sentence = f"{self.server} answers, but not as litmus-gitops does: name the right address with --server"
            raise click.ClickException(sentence)
        return value


def path_to(*parts: str) -> str:
    """Return the API's path of these names, whatever is in them."""
    for part in parts:
        if part in {"", ".", ".."}:
            raise click.UsageError(f"{part!r} is no name of anything: give the id as a list shows it")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _after(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"cursor": cursor}


def _value(answer: urllib3.BaseHTTPResponse) -> Any:
    """Return what was answered: JSON decoded, other bytes as they are, None where there is nothing."""
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer.data or None
    try:
        return json.loads(answer.data)
    except ValueError:
        return answer.data


def _refusal(status: int, value: Any) -> str:
    if not isinstance(value, dict):
        return f"the server answered {status}: is --server the address of litmus-gitops?"
    problems = [_problem(problem) for problem in value.get("problems", ())]
    told = str(value.get("detail", status))
    return "\n  ".join([told, *(problem for problem in problems if problem != told)])


def _problem(problem: dict[str, Any]) -> str:
    place = problem.get("field") or (problem.get("line") and f"line {problem['line']}, column {problem.get('column')}")
    return f"{place}: {problem.get('message')}" if place else str(problem.get("message"))


def token_of(given: str | None) -> str:
    """Return the owner's token: as given, or as a local `make run` keeps it in its data folder."""
    kept = Path(os.environ.get("DATA_DIR") or ".data") / "admin-token"
    try:
        token = (given or kept.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeError) as error:
        sentence = (
            f"no owner's token, nor {kept}: set LITMUS_GITOPS_TOKEN, or run this where `make run` keeps its .data"
        )
        raise click.ClickException(sentence) from error
    if not (token.isascii() and token.isprintable() and token):
        raise click.ClickException("the owner's token holds characters that no token has: copy it anew")
    return token


@dataclass(frozen=True, slots=True)
class Lazy:
    """The portal that a command talks to, opened when it is first needed."""

    server: str
    token: str | None

    def open(self) -> Portal:
        """Return the portal; where no token is known, that ends the command."""
        return Portal(self.server.rstrip("/"), token_of(self.token))
