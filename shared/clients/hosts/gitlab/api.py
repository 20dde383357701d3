"""A project on a GitLab through python-gitlab, and what GitLab's refusals mean to us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

import gitlab
import msgspec
from gitlab.exceptions import GitlabError, GitlabParsingError

from shared.clients.hosts.gitlab.addresses import address, tokens
from shared.clients.hosts.gitlab.shapes import Project, Shape, Token, User, read
from shared.clients.hosts.gitlab.transport import Transport
from shared.clients.hosts.refusals import refused, said
from shared.clients.hosts.web import Pools
from shared.errors import LitmusGitopsError, Unavailable
from shared.model.hosting import Access

_PAGE: Final = 100


class Api:
    """One project; nothing is asked of GitLab before it is needed, and its number and our user only once."""

    def __init__(self, access: Access, pools: Pools) -> None:
        self._where, self._tokens = address(access), tokens(access)
        self._client = gitlab.Gitlab(
            self._where.base,
            private_token=self._tokens.get("private_token"),
            oauth_token=self._tokens.get("oauth_token"),
            keep_base_url=True,
            retry_transient_errors=False,
            backend=Transport,
            line=pools.line(self._where.base, access.ca),
        )

    @cached_property
    def number(self) -> int:
        """The project's number: GitLab refuses writes under a name that the project had before it moved."""
        return self.look_up().id

    def look_up(self) -> Project:
        """Return the project as GitLab shows it now, found by its path."""
        return read(self._client.http_get(f"/projects/{quote(self._where.project, safe='')}"), Project)

    @cached_property
    def me(self) -> int:
        """The number of the user that the token acts as."""
        return read(self._client.http_get("/user"), User).id

    def token_ends(self) -> datetime | None:
        """Return when the token ends; None where GitLab does not tell: of an OAuth token, or before release 15.5."""
        try:
            found = read(self._client.http_get("/personal_access_tokens/self"), Token)
            return datetime.fromisoformat(found.expires_at).replace(tzinfo=UTC) if found.expires_at else None
        except (GitlabError, msgspec.ValidationError, ValueError):
            return None

    def get(self, path: str, shape: type[Shape]) -> Shape:
        """Return what is there; all paths are below the project."""
        return read(self._client.http_get(self._below(path)), shape)

    def each(self, path: str, shape: type[Shape], **query: str | int) -> Iterator[Shape]:
        """Yield what a list holds, page by page; python-gitlab stumbles over an answer that is none."""
        found = self._client.http_list(self._below(path), {"per_page": _PAGE, **query}, iterator=True)
        try:
            for one in found:
                yield read(one, shape)
        except (LookupError, TypeError) as error:
            raise GitlabParsingError("an answer is no list") from error

    def post(self, path: str, body: Mapping[str, Any], shape: type[Shape]) -> Shape:
        """Create something and return it."""
        return read(self._client.http_post(self._below(path), post_data=dict(body)), shape)

    def put(self, path: str, body: Mapping[str, Any], shape: type[Shape]) -> Shape:
        """Change something and return it."""
        return read(self._client.http_put(self._below(path), post_data=dict(body)), shape)

    def tell(self, path: str) -> None:
        """Have something done."""
        self._client.http_post(self._below(path))

    def delete(self, path: str) -> None:
        """Remove something."""
        self._client.http_delete(self._below(path))

    def _below(self, path: str) -> str:
        return f"/projects/{self.number}{path}"

    @contextmanager
    def explained(self, what: str, secret: str = "") -> Iterator[None]:
        """Raise our errors for whatever goes wrong with `what`, with neither the token nor the secret in them."""
        host = urlsplit(self._where.base).netloc
        try:
            yield
        except LitmusGitopsError:
            raise
        except GitlabError as error:
            message = self._message(error, secret)
            raise self._refused(host, what, error.response_code, message) from None
        except msgspec.ValidationError as error:
            raise self._stranger(host, what, str(error)) from error

    def _refused(self, host: str, what: str, status: int | None, message: str) -> LitmusGitopsError:
        if status is None:
            return self._stranger(host, what, message)
        if status == HTTPStatus.FORBIDDEN:
            message += " (the token needs the scope api and the role Maintainer)"
        return refused(host, f"{what} of {self._where.project}", status, message, {})

    @staticmethod
    def _stranger(host: str, what: str, found: str) -> LitmusGitopsError:
        return Unavailable(
            f"{host} answered {what} with something else than GitLab does: {found}; "
            "if GitLab is below a path there, set api_url"
        )

    def _message(self, error: GitlabError, secret: str) -> str:
        words: object = error.error_message
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        for hidden in filter(None, [*self._tokens.values(), secret]):
            text = text.replace(hidden, "…")
        return said(text)
