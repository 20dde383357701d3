"""Carries one message to its function over HTTP and reads from the answer what becomes of it."""

from __future__ import annotations

from typing import Final

import urllib3

from infra.delivering import Outcome, path, read_answer, signed
from infra.local.settings import HOST
from shared.model.messages import Message
from shared.ports.ambient import Clock

_CONNECT: Final = 5.0


class Courier:
    """POSTs messages to `/internal/{function}`, signed with the deployment's internal key.

    `patience` is how many seconds a function may take.
    """

    def __init__(self, port: int, key: bytes, clock: Clock, *, patience: float, connections: int) -> None:
        self._key = key
        self._clock = clock
        timeout = urllib3.Timeout(connect=_CONNECT, read=patience)
        self._pool = urllib3.HTTPConnectionPool(HOST, port, maxsize=connections, timeout=timeout, retries=False)

    def deliver(self, message: Message) -> Outcome:
        """Deliver once; an answer that never came is a failure like any other."""
        headers, body = signed(message, self._key, self._clock())
        try:
            answer = self._pool.request("POST", path(message), body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            return Outcome("failed", f"no answer: {error}")
        return read_answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
