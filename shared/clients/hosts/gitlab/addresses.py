"""Where GitLab's API is for a repository, and how to log in there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from shared.clients.git.places import Place, login
from shared.errors import Invalid, Misconfigured
from shared.model.hosting import Access

_API: Final = "/api/v4"
_BEARER_USER: Final = "oauth2"
"""The user name that GitLab's git wants beside an OAuth token; access tokens are welcome as bearers too."""


@dataclass(frozen=True, slots=True)
class Address:
    """A GitLab, without `/api/v4`, and a project on it by its full path, subgroups included."""

    base: str
    project: str


def address(access: Access) -> Address:
    """Read the address: `api_url` names the GitLab where the repository's own address does not show it.

    A GitLab below a path (`https://example.com/gitlab`) cannot be told from a group, so it needs `api_url`.
    """
    place = Place.parse(access.url)
    base = _base(place, access.api_url)
    below, path = urlsplit(base).path.strip("/"), place.path.strip("/").removesuffix(".git")
    project = path.removeprefix(f"{below}/") if below and place.scheme != "ssh" else path
    if "/" not in project:
        raise Invalid(f"{place.url} names no project on GitLab: its path is <group>/<project>")
    return Address(base, project)


def tokens(access: Access) -> dict[str, str]:
    """Return python-gitlab's argument for the credential: the password is the token, whoever the user is."""
    if access.credential and "PRIVATE KEY" in access.credential:
        raise Misconfigured("`credential` is an ssh key, which GitLab's API does not take: name an access token")
    known = login(Place.parse(access.url), access.credential)
    if known is None:
        return {}
    user, token = known
    return {"oauth_token" if user == _BEARER_USER else "private_token": token.strip()}


def _base(place: Place, api_url: str | None) -> str:
    if api_url is not None:
        return api_url.rstrip("/").removesuffix(_API)
    if place.scheme in {"http", "https"}:
        return f"{place.scheme}://{urlsplit(place.url).netloc}"
    if place.scheme == "ssh":
        return f"https://{place.host}"
    raise Invalid(f"{place.url} does not show where GitLab's API is: set api_url")
