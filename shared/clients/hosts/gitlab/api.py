"""A project on a GitLab through python-gitlab, and what GitLab's refusals mean to us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from urllib.parse import urlsplit

import gitlab
import msgspec
import urllib3.exceptions
from gitlab.exceptions import GitlabError
from gitlab.v4.objects import Project as Handle

from shared.clients.hosts.gitlab.addresses import address, tokens
from shared.clients.hosts.gitlab.shapes import Project, User, read
from shared.clients.hosts.gitlab.transport import Transport
from shared.clients.hosts.refusals import refused, said
from shared.clients.hosts.web import Pools
from shared.errors import LitmusGitopsError, Unavailable
from shared.model.hosting import Access


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
    def project(self) -> Handle:
        """The project under its number: GitLab refuses writes under a name that the project had before it moved."""
        return self._client.projects.get(self.look_up().id, lazy=True)

    def look_up(self) -> Project:
        """Return the project as GitLab shows it now, found by its path."""
        return read(self._client.projects.get(self._where.project).attributes, Project)

    @cached_property
    def me(self) -> int:
        """The number of the user that the token acts as."""
        self._client.auth()
        assert self._client.user is not None
        return read(self._client.user.attributes, User).id

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
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(f"the git host {host} does not answer: {said(_plain(error))}") from error
        except msgspec.ValidationError as error:
            raise Unavailable(f"{host} answered {what} with something else than GitLab does: {error}") from error

    def _refused(self, host: str, what: str, status: int | None, message: str) -> LitmusGitopsError:
        if status is None:
            return Unavailable(f"{host} answered {what} with no JSON: if GitLab is below a path there, set api_url")
        if status == HTTPStatus.FORBIDDEN:
            message += " (the token needs the scope api and the role Maintainer)"
        return refused(host, f"{what} of {self._where.project}", status, message, {})

    def _message(self, error: GitlabError, secret: str) -> str:
        words: object = error.error_message
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        for hidden in filter(None, [*self._tokens.values(), secret]):
            text = text.replace(hidden, "…")
        return said(text)


def _plain(error: Exception) -> str:
    """Return the reason without urllib3's representation of the connection object before it."""
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition("object at")[2].partition(">: ")[2] or str(reason)
