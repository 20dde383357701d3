"""A call of the API with all that its answer depends on, and how it ends early."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from tests.githubhost.description import Operation
from tests.githubhost.world import Repository, Token

if TYPE_CHECKING:
    from tests.githubhost.server import GitHubServer

PERMISSIONS = "x-accepted-github-permissions"


@dataclass
class Request:
    """One call of the API as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


@dataclass
class Answer:
    """Status, body (None: none) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The call ends here."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Call:
    """One request to the API."""

    server: GitHubServer
    operation: Operation
    token: Token
    query: Mapping[str, str]
    body: Any

    @property
    def values(self) -> Mapping[str, str]:
        """The values of the path's parameters."""
        return self.operation.values

    @property
    def repository(self) -> Repository:
        """The repository that it is about: 404 if there is none."""
        name = f"{self.values['owner']}/{self.values['repo']}".lower()
        return self.server.repositories.get(name) or refuse(404, "Not Found")

    def number(self, name: str) -> int:
        """Return a parameter of the path that is a number."""
        return int(self.values[name])

    def example(self, status: int = 200) -> Any:
        """Return GitHub's own example of the answer, with its addresses on this server."""
        return self.server.example(self.operation, status)

    def need(self, permission: str, level: str = "read") -> None:
        """Refuse who lacks a right, in GitHub's words."""
        if not self.token.may(permission, level):
            who = "integration" if self.token.kind == "app" else "personal access token"
            refuse(403, f"Resource not accessible by {who}", {PERMISSIONS: f"{permission}={level}"})

    def page(self, found: list[Any], within: str | None = None) -> Answer:
        """Return one page of a list, with the address of the next one."""
        size, page = int(self.query.get("per_page", 30)), int(self.query.get("page", 1))
        part, more = found[(page - 1) * size : page * size], page * size < len(found)
        headers = {"Link": f'<{self._again(page=page + 1)}>; rel="next"'} if more else {}
        return Answer(200, {"total_count": len(found), within: part} if within else part, headers)

    def cursor(self, found: list[Any]) -> Answer:
        """Return one page of a list whose pages are found by a cursor."""
        size, start = int(self.query.get("per_page", 30)), int(self.query.get("cursor", "v0_0").removeprefix("v0_"))
        more = start + size < len(found)
        headers = {"Link": f'<{self._again(cursor=f"v0_{start + size}")}>; rel="next"'} if more else {}
        return Answer(200, found[start : start + size], headers)

    def _again(self, **changed: object) -> str:
        path = self.operation.template.format_map(self.values)
        query = "&".join(f"{name}={value}" for name, value in {**self.query, **changed}.items())
        return f"{self.server.api_url}{path}?{query}"


Handler = Callable[[Call], Answer]


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None, errors: Any = None) -> NoReturn:
    """End the call with an error as GitHub words it."""
    body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    if status == 422:
        body.pop("status")
    raise Refusal(Answer(status, {**body, **({} if errors is None else {"errors": errors})}, headers or {}))
