"""The API over a real store: calls go through the same routes that the portal serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.clients.sqlite import SqliteStore, open_database
from shared.edge.functions import problem
from shared.edge.routing import Router
from shared.errors import LitmusGitopsError
from shared.model.calls import Answer, Call, Route
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation, routes

TOKEN = "the-owners-token"
Api = Callable[..., Answer]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = open_database(tmp_path / "state.db")
    yield Desk(SqliteStore(database), utc_now, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    database.close()


def client(operations: list[Operation]) -> Api:
    """Return a caller of these operations, as the owner."""
    return caller(routes(operations, TOKEN))


def caller(served: list[Route]) -> Api:
    """Return a caller that finds the route as the edge does, and turns errors into answers as the edge does."""
    router = Router(served)

    def call(method: str, path: str, body: object = None, token: str = TOKEN, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        try:
            route, params = router.find(method, f"/api{path}")
            given = dict(pair.split("=", 1) for pair in query.split("&") if pair)
            lower = {"authorization": f"Bearer {token}", **named}
            return route.handler(Call(method, path, dict(params), given, lower, data))
        except LitmusGitopsError as error:
            return problem(error)

    return call


def body(answer: Answer) -> Any:
    """Return the JSON of an answer."""
    return json.loads(json.dumps(answer.body))


def everything(api: Api, path: str, limit: int) -> list[str]:
    """Return the ids of all rows of a list, page after page."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = body(api("GET", f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")))
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
    return found
