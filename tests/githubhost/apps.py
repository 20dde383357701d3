"""GitHub Apps: who signs as one, its installation, and the tokens of that."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jwt

from tests.githubhost.calls import Answer, Call, Handler, refuse
from tests.githubhost.world import App, Token

if TYPE_CHECKING:
    from tests.githubhost.server import GitHubServer


def signed(server: GitHubServer, text: str) -> App | None:
    """Return the App that a JWT proves, None if it proves none: at most ten minutes, from no later than now."""
    try:
        number = int(jwt.decode(text, options={"verify_signature": False})["iss"])
        app = server.apps[number]
        told = jwt.decode(text, app.public_key, algorithms=["RS256"], options={"require": ["iat", "exp", "iss"]})
    except (jwt.PyJWTError, KeyError, ValueError):
        return None
    return app if told["exp"] - told["iat"] <= 660 else None


def _installation(call: Call) -> Answer:
    app = _app(call)
    if app.installation is None:
        refuse(404, "Not Found")
    return Answer(200, call.example() | {"id": app.installation, "app_id": app.number, "permissions": app.permissions})


def _token(call: Call) -> Answer:
    app = _app(call)
    if app.installation is None or app.installation != call.number("installation_id"):
        refuse(404, "Not Found")
    ends = datetime.now(UTC) + app.lifetime
    text = f"ghs_{secrets.token_hex(18)}"
    call.server.tokens[text] = Token(text, "app", app.permissions, ends, app.number)
    example = call.example(201)
    del example["repositories"]
    return Answer(
        201, example | {"token": text, "expires_at": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "permissions": app.permissions}
    )


def _app(call: Call) -> App:
    number = call.token.app if call.token.text == "" else None
    return call.server.apps.get(number or 0) or refuse(401, "A JSON web token could not be decoded")


HANDLERS: dict[str, Handler] = {
    "GET /repos/{owner}/{repo}/installation": _installation,
    "POST /app/installations/{installation_id}/access_tokens": _token,
}
