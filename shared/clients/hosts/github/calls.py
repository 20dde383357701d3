"""Calls of GitHub's API: PyGithub's requester on our own line, its answers decoded, its errors ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from github.Auth import Auth
from github.GithubException import GithubException
from github.Requester import HTTPSRequestsConnectionClass, Requester

from shared.clients.hosts.refusals import refused, said
from shared.clients.hosts.web import Line, Reply
from shared.errors import LitmusGitopsError, Unavailable

T = TypeVar("T")
Answered = tuple[Mapping[str, str], Any]

VERSION: Final = "2022-11-28"
"""The API's version: github.com keeps it until 2028, and every Enterprise Server in support knows it."""

PAGE: Final = 100
_READ: Final = 1000
_PAGES: Final = 100
"""Pages of one list that are read at most."""


class GraphQLRefusal(Exception):
    """What GitHub's GraphQL API says in place of an answer; `kind` is its own word for it, such as `STALE_DATA`."""

    def __init__(self, kind: object, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    type: str | None = None


class _GraphQL(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    errors: tuple[_Error, ...] = ()


class Credential(Protocol):
    """What a host is convinced by."""

    def token(self) -> str | None:
        """Return the token to send, None for none."""
        ...

    def refused(self, token: str | None) -> bool:
        """Take note that the host refused this token; return whether there can be another."""
        ...


class Calls:
    """Calls with one credential; used by one thread at a time or by several."""

    def __init__(self, api: str, line: Line, credential: Credential) -> None:
        self._host, self._credential = urlsplit(api).netloc, credential
        self._auth = _Bearer(credential)
        self._requester = requester(api, line, self._auth)

    def ask(self, verb: str, path: str, kind: type[T], body: Any = None, **params: Any) -> T:
        """Call and decode the answer: `Unavailable` if it is none of this kind."""
        return self._decoded(kind, self._sent(verb, path, params, body)[1], path)

    def headers(self, path: str) -> Mapping[str, str]:
        """Return the headers, by names in lower case, that a look at `path` is answered with."""
        return self._sent("GET", path, {}, None)[0]

    def tell(self, verb: str, path: str, body: Any = None) -> None:
        """Call, where the answer says nothing that we want to know."""
        self._sent(verb, path, {}, body)

    def pages(self, path: str, kind: type[T], within: str | None = None, **params: Any) -> Iterator[T]:
        """Yield what a list holds, page by page, as long as somebody asks; `within` names the list in its answer."""
        told = {"per_page": PAGE, **params}
        for _ in range(_PAGES):
            headers, data = self._sent("GET", path, told, None)
            found = self._decoded(dict[str, Any], data, path).get(within) if within else data
            yield from self._decoded(list[kind], found, path)  # type: ignore[valid-type]
            following = _next(headers)
            if following is None:
                return
            told |= following

    def mutate(self, name: str, told: Mapping[str, Any], wanted: str, kind: type[T]) -> T:
        """Call a GraphQL mutation: `GraphQLRefusal` where GitHub refuses it, which it does with status 200."""
        kept = f"{name[0].upper()}{name[1:]}Input!"
        query = f"mutation ($input: {kept}) {{ {name}(input: $input) {{ {wanted} }} }}"
        body = {"query": query, "variables": {"input": told}}
        answer = self.ask("POST", self._requester.graphql_url, _GraphQL, body)
        if answer.errors:
            words = "; ".join(error.message for error in answer.errors)
            raise GraphQLRefusal(answer.errors[0].type, said(words, self._auth.sent))
        return self._decoded(kind, (answer.data or {}).get(name), name)

    def _sent(self, verb: str, path: str, params: Mapping[str, Any], body: Any) -> Answered:
        with self._explained(f"{verb} {path}"):
            return self._twice(
                lambda: self._requester.requestJsonAndCheck(verb, path, parameters=dict(params), input=body)
            )

    def _twice(self, call: Callable[[], Answered]) -> Answered:
        try:
            return call()
        except GithubException as error:
            if error.status == 401 and self._credential.refused(self._auth.sent):  # noqa: PLR2004 - a status
                return call()
            raise

    def _decoded(self, kind: type[T], data: Any, path: str) -> T:
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            raise Unavailable(f"{self._host} answered {path} with something else than GitHub does: {error}") from error

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except GithubException as error:
            raise self._refused(what, error) from error

    def _refused(self, what: str, error: GithubException) -> LitmusGitopsError:
        message = said(_message(error.data), self._auth.sent)
        return refused(self._host, what, error.status, message, error.headers or {})


class _Bearer(Auth):
    """Sends what the credential holds at that moment, in PyGithub's terms."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self.sent: str | None = None

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.sent or ""

    def authentication(self, headers: dict[str, Any]) -> None:
        headers["Accept"] = "application/vnd.github+json"
        self.sent = self._credential.token()
        if self.sent is not None:
            super().authentication(headers)


def requester(api: str, line: Line, auth: Auth) -> Requester:
    """Return PyGithub's requester, sending through our line: it has neither our time-outs nor our CA and proxy.

    PyGithub would repeat a POST up to ten times, and takes a 307, with which GitHub answers a write to a renamed
    repository, for a success.
    """

    class Connection(HTTPSRequestsConnectionClass):
        def __init__(self, host: str, *_: Any, **__: Any) -> None:
            self.host = host
            self._asked = threading.local()

        def request(self, verb: str, url: str, input: Any, headers: dict[str, str], stream: bool = False) -> None:  # noqa: A002, FBT001, FBT002 - PyGithub's signature
            del stream
            self._asked.reply = line.send(verb, url, headers, input)
            if verb == "GET" and self._asked.reply.status == 202:  # noqa: PLR2004 - a status
                raise Unavailable("the answer is still being prepared")

        def getresponse(self) -> Any:
            return _readable(self._asked.reply)

        def close(self) -> None:
            """Leave the connection to its pool."""

    class Lines(Requester):
        """Keeps the connection to itself, since PyGithub keeps it with the class."""

    Lines.injectConnectionClasses(Connection, Connection)  # type: ignore[arg-type]
    return Lines(auth, api, 0, "litmus-gitops", PAGE, True, None, None, api_version=VERSION)  # noqa: FBT003


def _readable(reply: Reply) -> Reply:
    """Return an answer as PyGithub can read it, which stumbles over broken JSON and over errors that are no objects."""
    try:
        told = msgspec.json.decode(reply.text) if reply.text else None
        good = reply.status < 400 or isinstance(told, dict)  # noqa: PLR2004 - the first of the errors
    except msgspec.DecodeError:
        good = False
    text = reply.text[:_READ]
    return reply if good else reply._replace(text=msgspec.json.encode({"message": text}).decode())


def _next(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the parameters of the next page; only these are taken, since an address could lead anywhere."""
    for link in headers.get("link", "").split(","):
        target, _, relation = link.partition(";")
        if 'rel="next"' in relation:
            query = parse_qs(urlsplit(target.strip(" <>")).query)
            return {name: values[0] for name, values in query.items() if name in {"page", "cursor", "after"}}
    return None


def _message(data: Mapping[str, Any]) -> str:
    """Return what an error says, with the reasons that a 422 lists."""
    errors = data.get("errors")
    reasons = [_reason(error) for error in errors] if isinstance(errors, list) else [str(errors)] if errors else []
    return "; ".join(str(part) for part in [data.get("message"), *reasons] if part)


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    words = (error.get("message"), error.get("field"), error.get("code"))
    return str(words[0] or " ".join(str(word) for word in words[1:] if word))
