"""Whether the store answers, asked with a bound: a store that hangs is as good as none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from shared.errors import Unavailable
from shared.model.records import Key, Record
from shared.ports.state import Store

_log = logging.getLogger("litmus_gitops.readiness")

SECONDS: Final = 2.0
"""How long an answer may take: probes commonly give up after a few seconds."""

_NOTHING: Final = Key("readiness", "-")


def answers(store: Store, seconds: float = SECONDS) -> Callable[[], None]:
    """Return a check that a record can be read; the `Unavailable` that it raises tells nothing of the store's own.

    While a look hangs it is waited for, and no other is begun.
    """
    pool = ThreadPoolExecutor(1, "readiness")
    looks: list[Future[Record | None]] = []

    def check() -> None:
        if not looks or looks[0].done():
            looks[:] = [pool.submit(store.get, _NOTHING)]
        look = looks[0]
        if not wait((look,), seconds).done:
            raise Unavailable(f"the store does not answer within {seconds:g} seconds: see STORE_URL")
        if error := look.exception():
            _log.warning("the store cannot be read", extra={"error": type(error).__name__, "detail": str(error)})
            raise Unavailable("the store cannot be read: the log has the details") from error

    return check
