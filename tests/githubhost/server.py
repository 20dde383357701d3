"""The server: git, REST below /api/v3 and GraphQL at /api/graphql, as an Enterprise Server has them."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from tests import gitserver
from tests.githubhost import apps, graphql, repositories, requests, webhooks
from tests.githubhost.calls import Answer, Call, Refusal, Request, refuse
from tests.githubhost.description import Description, Operation, described
from tests.githubhost.faults import Fault
from tests.githubhost.http import handler
from tests.githubhost.world import App, Repository, Token
from tests.octokit import octokit

API, GRAPHQL = "/api/v3", "/api/graphql"
_HANDLERS = repositories.HANDLERS | requests.HANDLERS | webhooks.HANDLERS | apps.HANDLERS


@dataclass
class GitHubServer:
    """GitHub with these repositories, tokens and Apps; `problems` is what it would not have taken.

    `requests` are those of its API, `fetches` the paths of those of git.
    """

    root: Path
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    _examples: dict[tuple[str, int], str] = field(default_factory=dict)
    _port: int = 0
    _server: gitserver.LoopbackServer | None = None

    def __post_init__(self) -> None:
        self.description_folder, self.graphql_folder = octokit("openapi"), octokit("graphql-schema")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self._server = gitserver.LoopbackServer(("127.0.0.1", self._port), handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be away: nothing listens any more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None

    def judge(self) -> None:
        """Fail if GitHub would have refused a call, or if an answer was none of GitHub's."""
        assert [] == self.problems

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The base of its REST API."""
        return self.url + API

    @property
    def description(self) -> Description:
        """GitHub's description of its REST API."""
        return described(self.description_folder)

    def create(self, name: str = "ada/chaos") -> Repository:
        """Create an empty repository and return it."""
        return self._host(name, gitserver.bare(self.root / f"{name}.git"))

    def adopt(self, name: str, bare: Path) -> Repository:
        """Host a copy of a bare repository and return it."""
        return self._host(name, Path(shutil.copytree(bare, self.root / f"{name}.git")))

    def _host(self, name: str, folder: Path) -> Repository:
        owner, _, short = name.partition("/")
        self.repositories[name.lower()] = made = Repository(owner, short, folder)
        return made

    def rename(self, name: str, new: str) -> None:
        """Rename a repository; its old name leads to the new one, as GitHub's do."""
        repository = self.repositories.pop(name.lower())
        owner, _, short = new.partition("/")
        (self.root / owner).mkdir(exist_ok=True)
        repository.folder = repository.folder.rename(self.root / owner / f"{short}.git")
        repository.owner, repository.name = owner, short
        self.repositories[new.lower()] = repository
        self.moved[name.lower()] = new

    def clone(self, repository: Repository) -> gitserver.Clone:
        """Return a new working copy; its pushes go past the server."""
        return gitserver.clone(repository.folder, self.root.parent / f"clone-{secrets.token_hex(6)}")

    def token(self, permissions: Mapping[str, str], kind: Literal["classic", "fine-grained"] = "fine-grained") -> str:
        """Issue a personal access token with these permissions; a classic one may all."""
        text = f"{'ghp' if kind == 'classic' else 'github_pat'}_{secrets.token_hex(18)}"
        self.tokens[text] = Token(text, kind, permissions)
        return text

    def app(self, permissions: Mapping[str, str], number: int = 7) -> App:
        """Register a GitHub App, installed with these permissions."""
        self.apps[number] = App(number, dict(permissions), installation=1000 + number)
        return self.apps[number]

    def deliver(self, repository: Repository, event: str, payload: dict[str, Any]) -> None:
        """Send an event to the repository's hooks, and keep what came of it."""
        webhooks.deliver(repository, event, {**payload, "repository": self.payload(repository)})

    def payload(self, repository: Repository) -> dict[str, Any]:
        """Return a repository as deliveries name it."""
        addresses = {
            "html_url": f"{self.url}/{repository.full_name}",
            "clone_url": f"{self.url}/{repository.full_name}.git",
        }
        return {"id": repository.number, "full_name": repository.full_name, "default_branch": "main", **addresses}

    def example(self, operation: Operation, status: int) -> Any:
        """Return GitHub's own example of an answer, with its addresses here."""
        key = (operation.name, status)
        if key not in self._examples:
            text = json.dumps(operation.example(status))
            self._examples[key] = text.replace("https://api.github.com", self.api_url)
        return json.loads(self._examples[key])

    def api(self, request: Request) -> Answer:
        """Answer a call of the API, and hold both sides to GitHub's descriptions."""
        self.requests.append(request)
        fault = next((one for one in self.faults if one.meets(request.method, request.path)), None)
        time.sleep(fault.delay if fault else 0)
        if fault and not fault.done:
            return Answer(fault.status, fault.text, fault.headers)
        try:
            answer = self._graphql(request) if request.path == GRAPHQL else self._rest(request)
        except Refusal as refusal:
            answer = refusal.answer
        return Answer(fault.status, fault.text, fault.headers) if fault else answer

    def git(self, path: str, login: Token | None) -> Answer | None:
        """Return why a request of git's is answered by GitHub itself, None where git answers."""
        self.fetches.append(path)
        name = "/".join(path.split("/")[1:3]).removesuffix(".git").lower()
        if login is None:
            return Answer(401, None, {"WWW-Authenticate": 'Basic realm="GitHub"'})
        if name in self.moved:
            _, _, rest = path.removeprefix("/").partition(".git")
            return Answer(301, None, {"Location": f"{self.url}/{self.moved[name]}.git{rest}"})
        writes = "git-receive-pack" in path
        if name not in self.repositories or not login.may("contents", "write" if writes else "read"):
            return Answer(403 if writes and name in self.repositories else 404, b"not found")
        return None

    def known(self, text: str | None) -> Token | None:
        """Return whose token this is, None if it is none or over."""
        token = self.tokens.get(text or "")
        over = token is not None and token.expires is not None and token.expires < datetime.now(UTC)
        return None if over else token

    def _rest(self, request: Request) -> Answer:
        path = self._path(request)
        operation = self.description.operation(request.method, path)
        if operation is None:
            self.problems.append(f"GitHub has no {request.method} {path}")
            refuse(404, "Not Found")
        self._check_headers(request)
        problems = operation.refused(request.query, request.body)
        if problems:
            self.problems += problems
            refuse(422, "; ".join(problems))
        answer = self._handled(operation, request)
        if not 300 <= answer.status < 400:
            self.problems += operation.unlike(answer.status, answer.body)
        return answer

    def _handled(self, operation: Operation, request: Request) -> Answer:
        try:
            moved = self._redirect(operation, request)
            if moved:
                return moved
            call = Call(self, operation, self._caller(request), request.query, request.body)
            return _dated(_HANDLERS[operation.name](call), call.token)
        except Refusal as refusal:
            return refusal.answer

    def _redirect(self, operation: Operation, request: Request) -> Answer | None:
        """GitHub answers reads of a renamed repository with 301, and writes with 307, so that they stay writes.

        Both lead to the repository by its number.
        """
        old = f"{operation.values.get('owner')}/{operation.values.get('repo')}"
        if old.lower() not in self.moved:
            return None
        number = self.repositories[self.moved[old.lower()].lower()].number
        path = request.path.replace(f"/repos/{old}", f"/repositories/{number}", 1)
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        place = f"{self.url}{path}{'?' if query else ''}{query}"
        status, word = (301, "Moved Permanently") if request.method == "GET" else (307, "Temporary Redirect")
        return Answer(status, {"message": word, "url": place, "documentation_url": "https://docs"}, {"Location": place})

    def _path(self, request: Request) -> str:
        """Return a path as the description has it, which knows no repositories by number."""
        path = request.path.removeprefix(API)
        for repository in self.repositories.values():
            path = re.sub(rf"^/repositories/{repository.number}(?=/|$)", f"/repos/{repository.full_name}", path)
        return path

    def _caller(self, request: Request) -> Token:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() not in {"bearer", "token"}:
            refuse(404 if not text else 401, "Not Found" if not text else "Bad credentials")
        app = apps.signed(self, text) if text.count(".") == 2 else None
        if app:
            return Token("", "app", {}, None, app.number)
        return self.known(text) or refuse(401, "Bad credentials")

    def _check_headers(self, request: Request) -> None:
        if "user-agent" not in request.headers:
            self.problems.append("GitHub refuses who sends no User-Agent")
        version = request.headers.get("x-github-api-version")
        if version != "2022-11-28":
            self.problems.append(f"GitHub refuses API version {version!r}")

    def _graphql(self, request: Request) -> Answer:
        token = self._caller(request)
        problems = graphql.refused(graphql.schema(self.graphql_folder), request.body)
        self.problems += problems
        if problems:
            return Answer(200, {"errors": [{"message": problem} for problem in problems]})
        return Answer(200, graphql.answered(self, token, request.body))


def _dated(answer: Answer, token: Token) -> Answer:
    """Tell the caller when its token ends, as GitHub does with every answer to a token that does."""
    if token.kind == "app" or token.expires is None:
        return answer
    told = token.expires.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Answer(answer.status, answer.body, {**answer.headers, "GitHub-Authentication-Token-Expiration": told})
