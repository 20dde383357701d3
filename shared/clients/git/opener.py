"""Opens what carries a remote: a folder, a server, or for a GitHub App the host's API beside git."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.clients.git.lines import Line, StreamLine, WebLine
from shared.clients.git.local import LocalSource
from shared.clients.git.places import Place, is_app, login
from shared.clients.git.remotes import Remote, Source
from shared.clients.git.ssh import Ssh, SshStream
from shared.clients.git.streams import Stream, TcpStream
from shared.clients.git.web import Web
from shared.clients.git.wire import WireSource
from shared.model.hosting import Access
from shared.model.proxies import Proxies
from shared.ports.git import GitRemote

if TYPE_CHECKING:
    from shared.clients.hosts.web import Pools


class Opener:
    """Opens remotes; connections and what servers offer are shared by all that it opens."""

    def __init__(self, ssh: Ssh, proxies: Proxies) -> None:
        self._ssh = ssh
        self._proxies = proxies
        self._web = Web(ssh.patience, proxies)

    def __call__(self, access: Access) -> GitRemote:
        """Return the remote; opening does no I/O.

        The credential is `user:password` or a token for http(s), a private key for ssh (see `SshStream`), or a GitHub
        App, which GitHub's API is asked for tokens of. Proxies carry http(s) alone.
        """
        if access.provider == "github" and (access.signed or is_app(access.credential)):
            from shared.clients.hosts.github import GitHubRemote  # noqa: PLC0415 - PyGithub loads when it is needed

            return GitHubRemote(access, self._source, self._pools)
        return Remote(self._source(access))

    @cached_property
    def _pools(self) -> Pools:
        from shared.clients.hosts.web import Pools, Waiting  # noqa: PLC0415 - hosts are opened on top of git

        return Pools(self._proxies, Waiting())

    def _source(self, access: Access) -> Source:
        place = Place.parse(access.url)
        return LocalSource(place) if place.scheme == "file" else WireSource(place, self._line(place, access))

    def _line(self, place: Place, access: Access) -> Line:
        if place.scheme in {"http", "https"}:
            return WebLine(place, login(place, access.credential), self._web, access.ca)
        return StreamLine(lambda service, version: self._dial(place, access.credential, service, version))

    def _dial(self, place: Place, credential: str | None, service: str, version: int) -> Stream:
        if place.scheme == "git":
            return TcpStream(place, service, version, self._ssh.patience)
        return SshStream(place, service, version, credential, self._ssh)
