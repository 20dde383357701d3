"""A project on a GitLab through python-gitlab, and what GitLab's refusals mean to us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from shared.clients.git.refusals import said
from shared.clients.hosts.gitlab_places import place_of, tokens
from shared.clients.hosts.gitlab_shapes import Project, User, read
from shared.errors import Forbidden, Invalid, LitmusGitopsError, NotFound, NotYet, Unavailable
from shared.model.hosting import Access

if TYPE_CHECKING:
    import gitlab
    from gitlab.v4.objects import Project as Handle

_SECONDS: Final = 10.0
"""How long GitLab may take to connect, and then between two parts of its answer."""

_MEANINGS: Final[dict[int, tuple[type[LitmusGitopsError], str]]] = {
    401: (Forbidden, "does not accept the token, renew what `credential` names"),
    403: (Forbidden, "refuses this to the token, which needs the scope api and the role Maintainer"),
    404: (NotFound, "has no such thing, or hides it from the token"),
    409: (NotYet, "is at work on the same thing"),
}


class Api:
    """One project; nothing is asked of GitLab before it is needed, and its id and our user only once."""

    def __init__(self, access: Access, proxy: str | None) -> None:
        self._access, self._proxy = access, proxy
        self._place, self._tokens = place_of(access), tokens(access)

    @cached_property
    def client(self) -> gitlab.Gitlab:
        """python-gitlab's client, which repeats nothing by itself."""
        import gitlab  # noqa: PLC0415 - slow to load

        from shared.clients.hosts.gitlab_session import session  # noqa: PLC0415 - likewise

        return gitlab.Gitlab(
            self._place.base,
            timeout=_SECONDS,
            keep_base_url=True,
            retry_transient_errors=False,
            session=session(self._access.ca, self._proxy),
            private_token=self._tokens.get("private_token"),
            oauth_token=self._tokens.get("oauth_token"),
        )

    @cached_property
    def project(self) -> Handle:
        """The project under its number: GitLab refuses writes under a name that the project had before it moved."""
        return self.client.projects.get(self.found.id, lazy=True)

    @cached_property
    def found(self) -> Project:
        """The project as GitLab shows it, found by its path."""
        return self.look_up()

    def look_up(self) -> Project:
        """Ask for the project now."""
        return read(self.client.projects.get(self._place.project).attributes, Project)

    @cached_property
    def me(self) -> int:
        """The number of the user that the token acts as."""
        self.client.auth()
        assert self.client.user is not None
        return read(self.client.user.attributes, User).id

    @contextmanager
    def explained(self, *hidden: str) -> Iterator[None]:
        """Raise our errors for whatever goes wrong, without the token or what else is `hidden` in them."""
        import gitlab.exceptions  # noqa: PLC0415 - slow to load
        import requests  # noqa: PLC0415 - likewise

        base = self._place.base
        try:
            yield
        except LitmusGitopsError:
            raise
        except gitlab.exceptions.GitlabError as error:
            why = _without(said(_text(error.error_message)), *self._tokens.values(), *hidden)
            raise _refused(f"GitLab at {base}", error.response_code, why) from None
        except (requests.RequestException, OSError) as error:
            raise Unavailable(f"GitLab at {base} does not answer: {said(_plain(error))}") from error
        except msgspec.ValidationError as error:
            raise Unavailable(f"GitLab at {base} answered something unexpected: {said(error)}") from error


def _refused(who: str, status: int | None, why: str) -> LitmusGitopsError:
    if status is None:
        return Unavailable(f"{who} answered with no JSON: api_url must name where its API is")
    if status in _MEANINGS:
        kind, meaning = _MEANINGS[status]
        return kind(f"{who} {meaning}: {why}")
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP's class of the caller's errors
        return Invalid(f"{who} refuses this: {why}")
    return Unavailable(f"{who} answered with HTTP status {status}")


def _text(words: object) -> object:
    return words.decode(errors="replace") if isinstance(words, bytes) else words


def _without(text: str, *hidden: str) -> str:
    for secret in filter(None, hidden):
        text = text.replace(secret, "[hidden]")
    return text


def _plain(error: Exception) -> str:
    """Return the reason alone, without the connection object that urllib3 puts before it."""
    return str(error).rpartition("object at")[2].partition(">: ")[2] or str(error)
