"""Works orders off side by side: each is looked at when it is due, and none waits for another."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from shared.errors import LitmusGitopsError, Stale
from shared.services.subscriber.desk import Turn
from shared.services.subscriber.outbox import Outbox
from shared.services.subscriber.records import Record, Records
from shared.services.subscriber.steps import Steps
from shared.services.subscriber.watches import Watches

_log = logging.getLogger("litmus_gitops.subscriber")
_LONGEST_PAUSE: Final = 30.0
_BUGS: Final = 2
_STARTED: Final = "running"
"""The phase in which no error ends an order: what was started must be seen to its end."""


class Worker:
    """Keeps a due time for each order and gives those that are due to a few threads.

    All that it knows is in the records: started anew, it resumes each of them.
    """

    def __init__(self, records: Records, steps: Steps, outbox: Outbox, watches: Watches, threads: int = 8) -> None:
        self._records = records
        self._steps = steps
        self._outbox = outbox
        self._watches = watches
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}
        self._busy: set[str] = set()
        self._looked: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._stopping = False
        self._pool = ThreadPoolExecutor(threads, "subscriber-order")
        self._thread = threading.Thread(target=self._run, name="subscriber-worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the steps that are under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._watches.stop()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown()

    def resume(self) -> None:
        """Take up every recorded order that nobody has taken up yet."""
        for record in self._records.all():
            with self._changed:
                if record.id not in self._busy:
                    self._due.setdefault(record.id, 0.0)
                    self._changed.notify_all()

    def wake(self, order_id: str) -> None:
        """Look at an order now."""
        with self._changed:
            self._due[order_id] = 0.0
            self._changed.notify_all()

    def hint(self, order_id: str) -> None:
        """Look at an order soon: something moved that it waits for. Many hints in a row make few looks."""
        with self._changed:
            due = self._looked.get(order_id, 0.0) + self._steps.desk.pace.gap
            self._due[order_id] = min(due, self._due.get(order_id, due))
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                ready = self._ready()
                if self._stopping:
                    return
                if ready is None:
                    self._changed.wait(self._left())
                    continue
                self._busy.add(ready)
                self._looked[ready] = time.monotonic()
                del self._due[ready]
            with suppress(RuntimeError):  # the interpreter is ending, and the records keep what is left
                self._pool.submit(self._turn, ready)

    def _ready(self) -> str | None:
        now = time.monotonic()
        return min(
            (one for one, due in self._due.items() if due <= now and one not in self._busy),
            key=self._due.__getitem__,
            default=None,
        )

    def _left(self) -> float | None:
        due = [at for one, at in self._due.items() if one not in self._busy]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _turn(self, order_id: str) -> None:
        delay = self._guarded(order_id)
        with self._changed:
            self._busy.discard(order_id)
            if delay is None:
                self._looked.pop(order_id, None)
            else:
                due = time.monotonic() + delay
                self._due[order_id] = min(due, self._due.get(order_id, due))
            self._changed.notify_all()

    def _guarded(self, order_id: str) -> float | None:
        """Return the seconds until the order's next turn, None if it is over."""
        try:
            delay = self._advance(order_id)
            self._failures.pop(order_id, None)
            return delay  # noqa: TRY300 - the else branch would be the whole function
        except Stale:
            return 0.05
        except LitmusGitopsError as error:
            _log.warning("a step will be tried again", extra={"order": order_id, "reason": str(error)})
        except Exception:  # noqa: BLE001 - a worker outlives any one order; the log has it whole
            _log.exception("a step broke", extra={"order": order_id})
        return self._pause(order_id)

    def _pause(self, order_id: str) -> float:
        failures = self._failures[order_id] = self._failures.get(order_id, 0) + 1
        return float(min(0.25 * 2 ** min(failures, 10), _LONGEST_PAUSE))

    def _advance(self, order_id: str) -> float | None:
        record = self._records.find(order_id)
        if record is None:
            self._forget(order_id)
            return None
        if record.progress.phase == "ended":
            self._watches.drop(order_id)
            return self._after_end(record)
        turn = self._step(record)
        if turn.record != record:
            record = self._records.save(turn.record)
        for other in turn.wake:
            self.wake(other)
        delay = 0.0 if self._watches.hold(record, self.hint) else turn.delay
        record, due = self._outbox.deliver(record)
        if record.progress.phase == "ended":
            return 0.0 if due is None else due
        return delay if due is None else min(delay, due)

    def _forget(self, order_id: str) -> None:
        """Keep nothing of an order that is over."""
        self._outbox.forget(order_id)
        self._watches.drop(order_id)

    def _step(self, record: Record) -> Turn:
        """Do the record's next step; an error that trying again cannot mend ends an order that started nothing."""
        started = record.progress.phase == _STARTED
        try:
            return self._steps.step(record)
        except LitmusGitopsError as error:
            if error.retry or started:
                raise
            return self._steps.desk.end(record, "error", str(error), verdict="Error")
        except Exception:
            if started or self._failures.get(record.id, 0) < _BUGS:
                raise
            _log.exception("an order is given up", extra={"order": record.id})
            sentence = "the subscriber broke on this order: its log has the details"
            return self._steps.desk.end(record, "error", sentence, verdict="Error")

    def _after_end(self, record: Record) -> float | None:
        """Deliver what is left to tell; forget the order once that is done and it can never come again."""
        record, due = self._outbox.deliver(record)
        if due is not None:
            return due
        desk = self._steps.desk
        left = min(-desk.age(record.order.not_after), desk.pace.keep - desk.age(record.progress.ended_at))
        if left > 0:
            return left
        self._records.forget(record)
        self._forget(record.id)
        return None
