"""A ChaosCenter beside us: what is said to it through us, and its answer, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.errors import Unavailable
from shared.model.calls import Answer

LIMIT: Final = 16 << 20
_PASSED: Final = ("content-type", "authorization", "referer", "accept", "user-agent")
_BACK: Final = ("content-type",)


class ChaosCenter:
    """Implements `ports.ChaosCenter` over HTTP, for the GraphQL endpoint at `url`; redirects are not followed."""

    def __init__(self, url: str) -> None:
        import urllib3  # noqa: PLC0415 - few portals stand before a ChaosCenter

        self._url = url
        self._pool = urllib3.PoolManager(maxsize=4, retries=False, timeout=urllib3.Timeout(connect=5.0, read=30.0))

    def __call__(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST the body with the headers that matter: `Unavailable` if no answer came, or one that is too long."""
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

        passed = {name: headers[name] for name in _PASSED if name in headers}
        try:
            found = self._pool.request(
                "POST", self._url, headers=passed, body=body, redirect=False, preload_content=False
            )
            content = found.read(LIMIT + 1)
            found.release_conn()
        except HTTPError as error:
            raise Unavailable(f"the ChaosCenter does not answer: {type(error).__name__}") from error
        if len(content) > LIMIT:
            raise Unavailable(f"the ChaosCenter's answer is over {LIMIT} bytes")
        lower = {name.lower(): value for name, value in found.headers.items()}
        return Answer(found.status, content, {name: lower[name] for name in _BACK if name in lower})


def open_center(url: str | None) -> ChaosCenter | None:
    """Return the ChaosCenter at an address, None where none is named."""
    return None if url is None else ChaosCenter(url)
