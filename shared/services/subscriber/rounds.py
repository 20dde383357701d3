"""What a subscriber does again and again: it tells that it is alive, and asks for orders where none can reach it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared.errors import LitmusGitopsError
from shared.model.orders import Order
from shared.model.runs import Report, RunState
from shared.services.subscriber.desk import Desk
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.taking import Taking

_log = logging.getLogger("litmus_gitops.subscriber")
_REFUSED: Final[dict[int, RunState]] = {409: "skipped", 410: "expired"}
_LONGEST_PAUSE: Final = 30.0


@dataclass(slots=True)
class Round:
    """Calls `act` every `seconds` in a thread of its own; while it fails, the pauses grow to half a minute."""

    name: str
    act: Callable[[], None]
    seconds: float
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, with the first call at once."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, wait: float = 5.0) -> None:
        """End after the call under way, or after `wait` seconds without it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(wait)

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            failures = 0 if self._guarded() else failures + 1
            pause = max(self.seconds, 0.5) * 2 ** min(failures - 1, 6) if failures else self.seconds
            self._stopped.wait(min(pause, max(_LONGEST_PAUSE, self.seconds)))

    def _guarded(self) -> bool:
        try:
            self.act()
        except LitmusGitopsError as error:
            _log.warning("will be tried again", extra={"round": self.name, "reason": str(error)})
        except Exception:  # noqa: BLE001 - the round goes on; the log has it whole
            _log.exception("a round broke", extra={"round": self.name})
        else:
            return True
        return False


@dataclass(frozen=True, slots=True)
class Polling:
    """Fetches waiting orders; one that this cluster refuses is reported, since nobody waits for an answer."""

    letters: Letters
    taking: Taking
    desk: Desk

    def __call__(self) -> None:
        """Wait for orders once, and take those that came."""
        for order in self.letters.orders():
            self._take(order)

    def _take(self, order: Order) -> None:
        try:
            self.taking.take(order)
        except LitmusGitopsError as error:
            state = _REFUSED.get(error.status)
            if state is None:
                raise
            self.letters.report(
                Report(
                    order=order.order,
                    run=order.order,
                    state=state,
                    at=self.desk.now(),
                    phase="refused",
                    message=str(error),
                    experiment=order.experiment,
                )
            )
