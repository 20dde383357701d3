"""The portal's HTTP API, over urllib3 with explicit deadlines and without retries of its own."""

from __future__ import annotations

from collections.abc import Mapping

import urllib3

from shared.errors import Unavailable
from shared.model.calls import Answer

LIMIT = 16 << 20
"""Bytes of an answer: a full list of orders, each with its manifest."""


class HttpPortal:
    """Implements `ports.PortalApi` for the portal at a base URL; safe for use by many threads."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", seconds: float = 10.0
    ) -> Answer:
        """Send once and return the answer; redirects are not followed, since they would leak signed bodies."""
        timeout = urllib3.Timeout(connect=min(seconds, 5.0), read=seconds)
        try:
            answer = self._pool.request(
                method,
                self._base + path,
                headers=dict(headers),
                body=body or None,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            return Answer(answer.status, _content(answer), dict(answer.headers))
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the portal does not answer: {type(error).__name__}; check PORTAL_URL") from error


def _content(answer: urllib3.BaseHTTPResponse) -> bytes:
    try:
        content = answer.read(LIMIT + 1)
        if len(content) > LIMIT:
            raise Unavailable(f"the portal's answer is over {LIMIT} bytes")
        return content
    finally:
        answer.release_conn()
