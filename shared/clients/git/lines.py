"""Lines to git servers: each carries questions of protocol version 2, and dulwich's clients for all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
from dulwich import protocol as dulwich_protocol
from dulwich.client import GitClient, TraditionalGitClient, Urllib3HttpGitClient

from shared.clients.git import packets
from shared.clients.git.packets import Capabilities, OldProtocol
from shared.clients.git.places import Place
from shared.clients.git.refusals import refused
from shared.clients.git.streams import Stream
from shared.clients.git.web import Known, Web
from shared.errors import LitmusGitopsError, NotYet

Request = Callable[[Capabilities], bytes]
"""Makes a request out of what the server offers."""

Packets = dulwich_protocol.Protocol
Refuse = Callable[[int, Mapping[str, str]], LitmusGitopsError]
Dial = Callable[[str, int], Stream]
"""Opens a stream to a service (`git-upload-pack`) in a protocol version."""

_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_REFS: Final = "/info/refs"
_OK: Final = 200


class Line(Protocol):
    """A way to one repository."""

    def ask(self, request: Request) -> AbstractContextManager[Packets]:
        """Return a context manager over the answer's packets: `OldProtocol` if the server has no version 2."""
        ...

    def client(self) -> tuple[GitClient, str]:
        """Return dulwich's client for this repository, and the path that it wants to be told."""
        ...

    def moved(self) -> str | None:
        """Return the address that the host last led us to, None where it is the one that was asked for."""
        ...


class StreamLine:
    """A connection for each question."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    @contextmanager
    def ask(self, request: Request) -> Iterator[Packets]:
        """Dial, ask, and yield the answer."""
        stream = self._dial("git-upload-pack", 2)
        try:
            answer = packets.protocol(stream.read)
            offered = packets.capabilities(answer)
            stream.write(request(offered))
            yield answer
        finally:
            stream.close()

    def client(self) -> tuple[GitClient, str]:
        """Return a client that dials the same way."""
        return _StreamClient(self._dial), ""

    def moved(self) -> None:
        """Return None: only the web tells of moves."""


class WebLine:
    """http(s): a POST for each question, after one GET that is remembered for all remotes of a process."""

    def __init__(self, place: Place, login: tuple[str, str] | None, web: Web, ca: str | None = None) -> None:
        self._place, self._login, self._web = place, login, web
        self._pool, self._known = web.pool(place, ca), web.known
        self._headers = urllib3.make_headers(basic_auth=":".join(login)) if login else {}

    @contextmanager
    def ask(self, request: Request) -> Iterator[Packets]:
        """Post the question and yield the answer."""
        base, offered = self._discovered()
        if offered is None:
            raise OldProtocol
        headers = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
        with self._sent("POST", f"{base}/git-upload-pack", headers, request(offered)) as response:
            yield packets.protocol(response.read)

    def client(self) -> tuple[GitClient, str]:
        """Return a client that sends through the same pool, and our login to no other host."""
        user, password = self._login or (None, None)
        base, _ = self._discovered()
        return _WebClient(self._refused, base, self._pool, user, password), ""

    def moved(self) -> str | None:
        """Return where the repository was found last, if not under the address that was asked for."""
        asked = self._place.url.rstrip("/")
        base, _ = self._known.get(self._place.url, (asked, None))
        return None if base == asked else base

    def _discovered(self) -> Known:
        if self._place.url not in self._known:
            self._known[self._place.url] = self._discover(self._place.url.rstrip("/"), moves=3)
        return self._known[self._place.url]

    def _discover(self, base: str, moves: int) -> Known:
        url = f"{base}{_REFS}?service=git-upload-pack"
        with self._sent("GET", url, {"Git-Protocol": "version=2"}, moved=True) as response:
            moved = response.get_redirect_location()
            if moved:
                return self._discover(_moved(self._place, base, urljoin(url, moved), moves), moves - 1)
            if response.headers.get("Content-Type") != _ADVERTISEMENT:
                raise refused(self._place, 404)
            return base, _offered(response.read)

    @contextmanager
    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, moved: bool = False
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        self._web.check_wait(self._place)
        response = self._pool.request(
            method, url, body=body, headers={**self._headers, **headers}, preload_content=False, redirect=False
        )
        try:
            if not (moved and response.get_redirect_location()):
                self._check(response)
            yield response
            response.drain_conn()
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        if response.status != _OK:
            raise self._refused(response.status, response.headers)

    def _refused(self, status: int, headers: Mapping[str, str]) -> LitmusGitopsError:
        """Return what a refusal means; where we are asked to wait, no other remote asks this host meanwhile."""
        self._known.pop(self._place.url, None)
        error = refused(self._place, status, headers)
        if isinstance(error, NotYet):
            self._web.ask_to_wait(self._place, error)
        return error


class _StreamClient(TraditionalGitClient):
    def __init__(self, dial: Dial) -> None:
        super().__init__(thin_packs=False)
        self._dial = dial

    def _connect(self, cmd: bytes, path: str | bytes, protocol_version: int | None = None) -> tuple[Any, Any, None]:
        del path  # the dialling knows it
        stream = self._dial(f"git-{cmd.decode()}", protocol_version or 0)
        return Packets(stream.read, stream.write, stream.close), lambda: False, None


class _WebClient(Urllib3HttpGitClient):
    def __init__(
        self, refuse: Refuse, base: str, pool: urllib3.PoolManager, user: str | None, password: str | None
    ) -> None:
        super().__init__(base, pool_manager=pool, username=user, password=password, thin_packs=False)
        self._refuse = refuse

    def _http_request(
        self,
        url: str,
        headers: Any = None,
        data: Any = None,
        raise_for_status: bool = True,  # noqa: FBT001, FBT002 - dulwich's signature
    ) -> Any:
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        if raise_for_status and response.status != _OK:
            response.close()
            raise self._refuse(response.status, response.headers)
        return response, read


def _offered(read: packets.Read) -> Capabilities | None:
    try:
        return packets.capabilities(packets.protocol(read))
    except OldProtocol:
        return None


def _moved(place: Place, old: str, new: str, moves: int) -> str:
    """Return the new base of a repository that moved on its host, or to https there; our login goes nowhere else."""
    was, now = urlsplit(old), urlsplit(new)
    same = was.hostname == now.hostname and (was[:2] == now[:2] or (was.scheme, now.scheme) == ("http", "https"))
    if not (same and moves and now.path.endswith(_REFS)):
        raise refused(place, 301)
    return re.sub(rf"{_REFS}(\?.*)?$", "", new)
