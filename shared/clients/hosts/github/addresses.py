"""Where a repository on GitHub and its API are."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlsplit

from shared.clients.git.places import Place
from shared.errors import Invalid
from shared.model.hosting import Access

_PARTS = 2


class Address(NamedTuple):
    """A repository's name (`owner/name`) and the base of its host's API, without a slash at the end."""

    api: str
    owner: str
    name: str

    @property
    def path(self) -> str:
        """The repository's path below the API."""
        return f"/repos/{quote(self.owner, safe='')}/{quote(self.name, safe='')}"

    @property
    def host(self) -> str:
        """The API's host, for errors."""
        return urlsplit(self.api).netloc


def address(access: Access) -> Address:
    """Read any spelling of a repository's address: `Invalid` if it names no `owner/name`."""
    place = Place.parse(access.url)
    parts = place.path.strip("/").removesuffix(".git").split("/")
    if place.scheme == "file" or len(parts) != _PARTS or not all(parts):
        raise Invalid(f"{place.url} is no repository of GitHub: give its address as https://HOST/OWNER/NAME")
    return Address((access.api_url or _api(place)).rstrip("/"), *parts)


def _api(place: Place) -> str:
    """Return the API's base: https://docs.github.com/en/enterprise-server/rest and .../data-residency."""
    host = place.host.lower()
    if host in {"github.com", "www.github.com", "ssh.github.com"}:
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    if place.scheme in {"http", "https"}:
        return f"{place.scheme}://{urlsplit(place.url).netloc}/api/v3"
    return f"https://{host}/api/v3"
