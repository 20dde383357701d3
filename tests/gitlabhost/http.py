"""HTTP: git for clones and pushes, `/api/v4` for the rest, also in the absolute form that proxies are sent."""

from __future__ import annotations

import base64
import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.gitlabhost import answers, deliveries, merges
from tests.gitlabhost.calls import Call, Refused, checked, found, given
from tests.gitlabhost.state import Project, State, Token
from tests.gitserver import backend, body_of

API = "/api/v4"
GIT = re.compile(r"/(?P<path>.+)\.git/(info/refs|git-upload-pack|git-receive-pack)")


def handler(state: State) -> type[BaseHTTPRequestHandler]:
    """Return what answers a connection."""
    return type("Handler", (_Handler,), {"state": state})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: State

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = body_of(self)
        target = self.path[self.path.find("/", 8) :] if self.path.startswith("http") else self.path
        path = unquote(urlsplit(target).path)
        self.state.requests.append(f"{self.command} {path}")
        fault = next((one for one in self.state.faults if one.takes(self.command, path)), None)
        if fault and fault.through:
            fault = None
        if fault is None or fault.done:
            status, headers, answer = _answer(self.state, self, target, body)
        if fault is None:
            self._reply(status, headers, answer)
        elif fault.status is None:
            self.close_connection = True
        else:
            self._reply(fault.status, {"Content-Type": fault.content_type, **fault.headers}, fault.body, fault.drip)

    def _reply(self, status: int, headers: dict[str, str], answer: bytes, drip: float = 0.0) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        for part in [answer] if not drip else [answer[at : at + 1] for at in range(len(answer))]:
            self.wfile.write(part)
            time.sleep(drip)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


Reply = tuple[int, dict[str, str], bytes]


def _answer(state: State, handler: BaseHTTPRequestHandler, target: str, body: bytes) -> Reply:
    path = urlsplit(target).path
    try:
        if path.startswith(f"{API}/"):
            return _rest(state, handler, target, body)
        return _git(state, _served(state, path), handler, target, body)
    except Refused as refused:
        headers = {"Content-Type": "application/json", **refused.headers}
        return refused.status, headers, json.dumps(refused.body).encode()


def _served(state: State, path: str) -> Project:
    served = GIT.fullmatch(path)
    project = state.named(served["path"]) if served else None
    if project is None:
        raise Refused(404, {"message": "404 Not Found"})
    return project


def _rest(state: State, handler: BaseHTTPRequestHandler, target: str, body: bytes) -> Reply:
    token = _token(state, handler)
    path = urlsplit(target).path.removeprefix(API)
    if path == "/user":
        _check_scope(token, "read_user")
        return _json(200, answers.user(state, token.user))
    if path == "/personal_access_tokens/self":
        return _json(200, {"active": True, "expires_at": token.expires_at and token.expires_at.isoformat()})
    route, named = found(handler.command, path)
    project = _project(state, handler, target, named["id"])
    _check_scope(token, "read_api" if handler.command == "GET" else "api")
    if token.level < route.level or (project.archived and handler.command != "GET"):
        raise Refused(403, {"message": "403 Forbidden"})
    values = checked(route.takes, given(target, handler.headers.get("Content-Type", ""), body))
    pages = {name: values.pop(name, None) for name in ("page", "per_page") if route.paged}
    status, answer = route.answer(Call(state, token, project, named, values))
    if isinstance(answer, list) and route.paged:
        return _page(state, target, answer, pages["page"] or 1, min(pages["per_page"] or 20, 100))
    return _json(status, answer)


def _json(status: int, answer: Any, **headers: str) -> Reply:
    text = b"" if answer is None else json.dumps(answer).encode()
    return status, {"Content-Type": "application/json", **headers}, text


def _page(state: State, target: str, items: list[Any], page: int, size: int) -> Reply:
    """Return a page with GitLab's headers; the address of the next one is in `Link`."""
    shown = items[(page - 1) * size : page * size]
    more = page * size < len(items)
    rest = [one for one in urlsplit(target).query.split("&") if one and not one.startswith("page=")]
    following = f"{state.url}{urlsplit(target).path}?{'&'.join([*rest, f'page={page + 1}'])}"
    headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": str(page + 1) if more else ""}
    return _json(200, shown, **headers, **({"Link": f'<{following}>; rel="next"'} if more else {}))


def _token(state: State, handler: BaseHTTPRequestHandler) -> Token:
    bearer = handler.headers.get("Authorization", "").removeprefix("Bearer ")
    token = state.tokens.get(handler.headers.get("PRIVATE-TOKEN", bearer))
    if token is None:
        raise Refused(401, {"message": "401 Unauthorized"})
    if token.expired:
        words = "Token is expired. You can either do re-authorization or token refresh."
        raise Refused(401, {"error": "invalid_token", "error_description": words})
    return token


def _check_scope(token: Token, needed: str) -> None:
    enough = {"read_api": {"api", "read_api"}, "read_user": {"api", "read_api", "read_user"}}.get(needed, {"api"})
    if not enough & token.scopes:
        words = "The request requires higher privileges than provided by the access token."
        raise Refused(403, {"error": "insufficient_scope", "error_description": words, "scope": "api"})


def _project(state: State, handler: BaseHTTPRequestHandler, target: str, name: str) -> Project:
    """Return the project; one that moved is read where it is now, and is not written to under its old path."""
    project = state.named(name)
    if project is None:
        raise Refused(404, {"message": "404 Project Not Found"})
    if name not in {project.path, str(project.id)}:
        if handler.command != "GET":
            raise Refused(405, {"message": "Non GET methods are not allowed for moved projects"})
        there = target.replace(quote(name, safe=""), str(project.id), 1)
        raise Refused(301, {"message": "301 Moved Permanently"}, Location=f"{state.url}{there}")
    return project


def _git(state: State, project: Project, handler: BaseHTTPRequestHandler, target: str, body: bytes) -> Reply:
    kind, _, login = handler.headers.get("Authorization", "").partition(" ")
    token = state.tokens.get(base64.b64decode(login).decode().partition(":")[2]) if kind == "Basic" else None
    if token is None or token.expired:
        return 401, {"WWW-Authenticate": 'Basic realm="GitLab"'}, b""
    handler.path = f"/{project.path}.git/{target.partition('.git/')[2]}"
    status, headers, answer = backend(state.root, handler, body)
    if urlsplit(target).path.endswith("/git-receive-pack"):
        noticed(state, project)
    return status, dict(headers), answer


def noticed(state: State, project: Project) -> None:
    """Do what GitLab does after a push: follow merge requests, and tell the hooks."""
    moved = merges.refresh(state, project)
    deliveries.pushed(state, project)
    for one in moved:
        deliveries.merge(state, project, one, "update")
