"""Takes messages off the queue as they become visible and has them delivered, some at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from infra.delivering import Outcome, settle
from shared.errors import LitmusGitopsError
from shared.model.messages import Claimed, Message
from shared.model.traces import NAME, trace_of
from shared.ports.ambient import Counters
from shared.ports.state import Wakeful

_log = logging.getLogger("litmus_gitops.runner")

DELIVERED: Final = "litmus_gitops_messages_total"
_IDLE: Final = 5.0
_AFTER_ERROR: Final = 1.0
LEASE: Final = 30.0
"""Seconds after which a message comes again whose runner was killed, where no other process may void its lease."""

_TIMES: Final = 3
"""How often a lease is renewed before it could end."""


class Runner:
    """Delivers up to `couriers` messages at a time, and of one function never so many that no courier is left.

    So a git host that hangs holds up syncs, but no dispatch. However long a delivery takes, its message is held: the
    `lease`, in seconds, is renewed as long as this process lives.
    """

    def __init__(
        self,
        queue: Wakeful,
        deliver: Callable[[Message], Outcome],
        count: Counters,
        *,
        couriers: int,
        lease: float = LEASE,
    ) -> None:
        self._queue = queue
        self._deliver = deliver
        self._count = count
        self._couriers = couriers
        self._most_of_one = max(1, couriers * 3 // 4)
        self._lease = lease
        self._busy: Counter[str] = Counter()
        self._held: dict[str, Claimed] = {}
        self._idle = threading.Condition()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="runner-keeper", daemon=True)

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()
        self._keeper.start()

    @property
    def alive(self) -> bool:
        """Whether it still claims, and holds what it claimed."""
        return self._thread.is_alive() and self._keeper.is_alive() and not self._stopping.is_set()

    def stop(self, deadline: float) -> bool:
        """Claim no more and wait for what is under way, until `deadline` on the monotonic clock; True if it ended."""
        self._stopping.set()
        self._queue.ring()
        if self._thread.is_alive():
            self._thread.join()
        with self._idle:
            done = self._idle.wait_for(lambda: not self._busy.total(), max(0.0, deadline - time.monotonic()))
        self._ended.set()
        return done

    def _keep(self) -> None:
        """Renew the leases of what is under way."""
        while not self._ended.wait(self._lease / _TIMES):
            with self._idle:
                held = list(self._held.values())
            try:
                if held:
                    self._queue.keep(held, self._lease)
            except Exception:  # noqa: BLE001 - it is tried again, and what is not held comes twice, which all are used to
                _log.exception("cannot hold the messages that are under way, will try again")

    def _run(self) -> None:
        heard = self._queue.wait(0)
        while not self._stopping.is_set():
            try:
                heard = self._turn(heard)
            except Exception:  # noqa: BLE001 - this thread must outlive a full disk, and even our own mistakes
                _log.exception("cannot claim messages, will try again")
                self._stopping.wait(_AFTER_ERROR)

    def _turn(self, heard: int) -> int:
        """Hand one message out, or sleep until there may be one; return how often the bell has rung."""
        leave = self._full()
        if leave is None:
            return self._queue.wait(_IDLE, heard)
        for claimed in self._queue.receive(1, self._lease, leave):
            self._hand_out(claimed)
            return heard
        due = self._queue.due_in(leave)
        return self._queue.wait(_IDLE if due is None else min(due, _IDLE), heard)

    def _full(self) -> list[str] | None:
        """Return the functions that have as many couriers as they may, None if no courier is free at all."""
        with self._idle:
            if self._busy.total() >= self._couriers:
                return None
            return [name for name, number in self._busy.items() if number >= self._most_of_one]

    def _hand_out(self, claimed: Claimed) -> None:
        with self._idle:
            self._busy[claimed.message.function] += 1
            self._held[claimed.receipt] = claimed
        try:
            threading.Thread(target=self._work, args=(claimed,), name="courier", daemon=True).start()
        except RuntimeError:
            self._let_go(claimed)
            raise

    def _work(self, claimed: Claimed) -> None:
        try:
            self._settle(claimed, self._deliver(claimed.message))
        except LitmusGitopsError as error:
            _warn("comes again when its lease ends", claimed.message, error)
        finally:
            self._let_go(claimed)
            self._queue.ring()

    def _let_go(self, claimed: Claimed) -> None:
        with self._idle:
            self._busy[claimed.message.function] -= 1
            del self._held[claimed.receipt]
            self._idle.notify_all()

    def _settle(self, claimed: Claimed, outcome: Outcome) -> None:
        if outcome.kind == "failed" and self._stopping.is_set():
            self._queue.nack(claimed, outcome.reason, 0, count=False)
        else:
            if outcome.kind == "failed":
                _warn("failed", claimed.message, outcome.reason)
            settle(self._queue, claimed, outcome)
        self._count(DELIVERED, function=claimed.message.function, outcome=outcome.kind)


def _warn(what: str, message: Message, why: object) -> None:
    _log.warning("message %s %s: %s", message.id, what, why, extra={"trace": trace_of(message.ids.get(NAME, ""))})
