"""What GitHub is convinced by: a token, or a GitHub App that has tokens of an hour minted."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from github.Auth import AppAuth
from jwt import PyJWTError

from shared.clients.git.places import is_app
from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.calls import Calls, Credential
from shared.clients.hosts.web import Line
from shared.errors import Forbidden, Misconfigured, NotFound

_EARLY: Final = 300.0
"""Seconds before its end at which a token is no longer used, so that none ends while a push is under way."""


class App(msgspec.Struct, frozen=True):
    """A GitHub App as a secret holds it; without `installation_id`, GitHub is asked which one the repository has."""

    app_id: int | str
    private_key: str
    installation_id: int | None = None

    def __repr__(self) -> str:
        return f"App({self.app_id!r})"


class _Minted(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


class _Installation(msgspec.Struct, frozen=True):
    id: int


class Fixed:
    """A token, or none (`Credential`)."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def token(self) -> str | None:
        """Return it."""
        return self._token

    def refused(self, token: str | None) -> bool:
        """There is no other."""
        del token
        return False


class Minting:
    """The installation token of an App (`Credential`), minted when it is needed and shared by all threads."""

    def __init__(self, mint: Callable[[], _Minted]) -> None:
        self._mint, self._lock = mint, threading.Lock()
        self._minted: _Minted | None = None

    def token(self) -> str:
        """Return a token that lives for some minutes yet."""
        with self._lock:
            if self._minted is None or self._minted.expires_at.timestamp() - time.time() < _EARLY:
                self._minted = self._mint()
            return self._minted.token

    def refused(self, token: str | None) -> bool:
        """Forget the token, unless another was minted meanwhile."""
        with self._lock:
            if self._minted is not None and self._minted.token == token:
                self._minted = None
        return True


_MINTING: Final[dict[tuple[str, str, str], Minting]] = {}
_LOCK: Final = threading.Lock()
_REMEMBERED: Final = 1000


def credential(secret: str | None, where: Address, line: Line) -> Credential:
    """Return what a secret convinces GitHub by: `Misconfigured` if that is nothing that its API takes."""
    app = app_of(secret)
    if app is None:
        return Fixed(_token(secret))
    key = (where.api, where.path.lower(), hashlib.sha256((secret or "").encode()).hexdigest())
    with _LOCK:
        if len(_MINTING) > _REMEMBERED:
            _MINTING.clear()
        return _MINTING.setdefault(key, Minting(lambda: _minted(app, where, line)))


def app_of(secret: str | None) -> App | None:
    """Return the App that a secret holds as JSON, None if it is no JSON object."""
    if secret is None or not is_app(secret):
        return None
    try:
        return msgspec.json.decode(secret, type=App)
    except msgspec.DecodeError as error:
        raise Misconfigured(
            "`credential` names no GitHub App: it takes JSON with app_id, private_key and perhaps installation_id"
        ) from error


def _token(secret: str | None) -> str | None:
    if secret is not None and "PRIVATE KEY" in secret:
        raise Misconfigured("an ssh key opens no API: name a token or a GitHub App, or set `provider` to git")
    return secret and (secret.strip().partition(":")[2] or secret.strip())


def _minted(app: App, where: Address, line: Line) -> _Minted:
    calls = Calls(where.api, line, _Signed(app))
    try:
        number = app.installation_id or calls.ask("GET", f"{where.path}/installation", _Installation).id
        return calls.ask("POST", f"/app/installations/{number}/access_tokens", _Minted)
    except NotFound as error:
        raise Forbidden(
            f"GitHub App {app.app_id} is not installed on {where.owner}/{where.name}: install it there"
        ) from error


class _Signed:
    """The App itself (`Credential`): a JWT, signed anew for each call."""

    def __init__(self, app: App) -> None:
        self._app = app

    def token(self) -> str:
        try:
            return AppAuth(self._app.app_id, self._app.private_key).token
        except (PyJWTError, ValueError) as error:
            raise Misconfigured("`private_key` of the GitHub App is no RSA key in PEM: copy the whole file") from error

    def refused(self, token: str | None) -> bool:
        del token
        return False
