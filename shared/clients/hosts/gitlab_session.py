"""The requests session under python-gitlab: whom it trusts, how long it waits, and what it follows.

Loaded when a project on GitLab is first asked for, since requests is slow to load.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from shared.errors import NotFound, NotYet, Unavailable

_SECONDS: Final = 30.0
"""How long an answer's body may take altogether, however steadily it drips."""

_BYTES: Final = 32 << 20
_RETRIES: Final = Retry(
    total=2,
    connect=2,
    read=1,
    status=0,
    redirect=0,
    allowed_methods={"GET"},
    backoff_factor=0.1,
    raise_on_redirect=False,
)
"""What never reached GitLab is sent again, and a GET whose answer broke off; nothing that may have had an effect."""

_TOO_MANY: Final = 429
_LIMIT: Final = 60.0
_LONGEST: Final = 3600.0


def session(ca: str | None, proxy: str | None) -> requests.Session:
    """Return a session that trusts `ca` (PEM) in place of the system's, and neither reads netrc nor the environment."""
    made = requests.Session()
    made.trust_env = False
    if proxy:
        made.proxies = {"http": proxy, "https": proxy}
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(ssl.create_default_context(cadata=ca)))
    made.hooks["response"].append(_look_at)
    return made


class _Adapter(HTTPAdapter):
    """Connections whose one TLS context says which certificates are trusted."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=_RETRIES)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Add no other bundle to those of the context."""


class _Body:
    """An answer's body that is neither endless nor for ever on its way."""

    def __init__(self, raw: Any) -> None:
        self._raw, self._until = raw, time.monotonic() + _SECONDS

    def stream(self, size: int, *, decode_content: bool) -> Iterator[bytes]:
        taken = 0
        while part := self._raw.read1(size, decode_content=decode_content):
            taken += len(part)
            if taken > _BYTES or time.monotonic() > self._until:
                self._raw.close()
                raise Unavailable(f"GitLab's answer is over {_BYTES >> 20} MiB, or took over {_SECONDS:.0f} s")
            yield part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _look_at(response: requests.Response, *_: object, **__: object) -> None:
    response.raw = _Body(response.raw)
    if response.status_code == _TOO_MANY:
        seconds = _asked_for(response.headers)
        raise NotYet(f"GitLab wants no more requests of this token for {seconds:.0f} s", seconds)
    if response.is_redirect:
        _check_move(response)


def _asked_for(headers: Any) -> float:
    """Return the seconds that a rate limit asks for (GitLab's documentation, "User and IP rate limits")."""
    for name, now in (("Retry-After", 0.0), ("RateLimit-Reset", time.time())):
        value = str(headers.get(name, ""))
        if value.isascii() and value.isdigit():
            return min(max(float(value) - now, 1.0), _LONGEST)
    return _LIMIT


def _check_move(response: requests.Response) -> None:
    """Let a moved project be read where it is now, and give the token to no other host."""
    here = urlsplit(response.url)
    there = urlsplit(urljoin(response.url, response.headers["Location"]))
    if response.request.method not in {"GET", "HEAD"} or not _same(here, there):
        response.close()
        raise NotFound(
            f"{here.scheme}://{here.netloc} redirects to {there.scheme}://{there.netloc}: set api_url to that"
        )


def _same(here: SplitResult, there: SplitResult) -> bool:
    secured = (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname
    return here[:2] == there[:2] or secured
