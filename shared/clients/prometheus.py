"""Asks a Prometheus or an Alertmanager over HTTP: once, within deadlines that leave time to stop what runs."""

from __future__ import annotations

import base64
from typing import Final

from shared.clients.outbound import Outbound
from shared.errors import Unavailable
from shared.model.calls import Answer

CONNECT: Final = 2.0
READ: Final = 3.0
"""Seconds to connect, and seconds for the whole answer."""

LIMIT: Final = 1 << 20
"""Bytes that an answer may have: one that is longer says nothing."""


class HttpMonitors:
    """Implements `ports.Monitors`; with `allow_local` also for those on this machine or its network."""

    def __init__(self, *, allow_local: bool, connect: float = CONNECT, read: float = READ) -> None:
        self._out = Outbound("the monitor", allow_local=allow_local, connect=connect, read=read, limit=LIMIT + 1)

    def __call__(self, url: str, credential: str | None = None, ca: str | None = None) -> Answer:
        """GET once: `Unavailable` without an answer in time, or with one over `LIMIT`; `Forbidden` if refused here."""
        answer = self._out.send("GET", url, {"accept": "application/json", **_login(credential)}, ca=ca)
        if isinstance(answer.body, bytes) and len(answer.body) > LIMIT:
            raise Unavailable(f"the monitor's answer is over {LIMIT} bytes: ask for fewer series")
        return answer


def _login(credential: str | None) -> dict[str, str]:
    """Return the header of a login, which is `user:password`, or of a token."""
    if credential is None:
        return {}
    if ":" in credential:
        return {"authorization": f"Basic {base64.b64encode(credential.encode()).decode()}"}
    return {"authorization": f"Bearer {credential}"}
