"""ChaosCenters that carry out orders: one GraphQL request at a time, within deadlines and without retries."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.clients.outbound import Outbound
from shared.model.calls import Answer

CONNECT: Final = 5.0
READ: Final = 20.0
"""Seconds to connect, and seconds for the whole answer."""

LIMIT: Final = 16 << 20
"""Bytes that are read of an answer: a list of runs bears the whole manifest of each."""


class HttpChaosCenters:
    """Implements `ports.ChaosCenters`; with `allow_local` also for those on this machine or its network."""

    def __init__(self, *, allow_local: bool, connect: float = CONNECT, read: float = READ) -> None:
        self._out = Outbound("the ChaosCenter", allow_local=allow_local, connect=connect, read=read, limit=LIMIT)

    def __call__(self, url: str, token: str, body: bytes, traceparent: str) -> Answer:
        """POST once: `Unavailable` if no answer came in time, `Forbidden` if the address is refused here.

        Should the other side repeat the token, it is taken out: what it says may end up in the ledger.
        """
        headers = {"content-type": "application/json", "accept": "application/json", "authorization": f"Bearer {token}"}
        answer = self._out.send("POST", url, headers | {"traceparent": traceparent}, body)
        said = answer.body if isinstance(answer.body, bytes) else b""
        return msgspec.structs.replace(answer, body=said.replace(token.encode(), b"(token)"))
