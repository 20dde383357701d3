"""Wakes orders when something moves that they wait for: hints, never truth, for every step reads what it decides on.

What the role needs for it, beyond what the steps read; where it lacks them, orders are looked at now and then:
- `list watch` on argoproj.io workflows and litmuschaos.io chaosengines and chaosresults, where runs are;
- `list watch` on pods there;
- `list watch` on the kinds of watched workloads, except Secrets: to list them is to read them all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError
from shared.ports.kubernetes import KubernetesApi, Watching
from shared.rules.outcomes import CHAOS_UID
from shared.rules.preflight import RESULTS
from shared.rules.tickets import EXPERIMENT
from shared.services.subscriber.records import Created, Progress, Record
from shared.services.subscriber.running import ENGINES, PODS

_log = logging.getLogger("litmus_gitops.subscriber")
_HOUR: Final = 3600.0
_PATIENCE: Final = 5.0
_SECRET: Final = "Secret"  # noqa: S105 - a kind

Wake = Callable[[str], None]


class Watched(msgspec.Struct, frozen=True, order=True):
    """A part of one collection: what a label selector matches in a namespace, or the one object of a name."""

    resource: str
    namespace: str
    selector: str = ""
    name: str = ""


def watched(record: Record, kinds: Mapping[str, str]) -> frozenset[Watched]:
    """Return what an order waits for: its workload until it is rolled out, its chaos until the run is over.

    `kinds` maps a workload's kind to its resource. What is over in a moment, or ended, is not watched.
    """
    if record.progress.phase in {"proving", "rollout"}:
        return frozenset(_workloads(record, kinds))
    created = record.progress.created
    return frozenset(_chaos(record.progress, created) if created and record.progress.phase == "running" else ())


def _workloads(record: Record, kinds: Mapping[str, str]) -> Iterator[Watched]:
    guard = record.order.guard
    for target in (guard and guard.workload, record.progress.awaited):
        if target and target.kind in kinds and target.kind != _SECRET:
            yield Watched(kinds[target.kind], target.namespace, name=target.name)


def _chaos(progress: Progress, created: Created) -> Iterator[Watched]:
    """Yield what moves while a run goes on; its pods only once nothing but them keeps it from being over."""
    engines = {engine.namespace for engine in progress.engines}
    yield Watched(created.resource, created.namespace, EXPERIMENT)
    for namespace in {*engines, *progress.namespaces, created.namespace}:
        yield Watched(ENGINES, namespace, EXPERIMENT)
        yield Watched(RESULTS, namespace, CHAOS_UID)
    if progress.worried_at:
        yield from (Watched(PODS, namespace, CHAOS_UID) for namespace in engines)


@dataclass(slots=True)
class Watches:
    """Holds one watch, in a thread of its own, for each thing that any order waits for, and none besides.

    There are never more than `limit` of them. What is not watched, for that or another reason, is found out when the
    order is looked at next. While a watch fails, it is begun anew with pauses up to `longest` seconds.
    """

    api: KubernetesApi
    kinds: Mapping[str, str]
    limit: int = 16
    longest: float = 60.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: dict[str, tuple[frozenset[Watched], Wake]] = field(default_factory=dict)
    _followed: dict[Watched, Following] = field(default_factory=dict)
    _complained: dict[str, float] = field(default_factory=dict)
    _stopped: bool = False

    def hold(self, record: Record, wake: Wake) -> bool:
        """Watch what the order waits for now, and `wake` it whenever that moves.

        Returns whether that is more than before: what was read without being watched should be read again.
        """
        wanted = watched(record, self.kinds)
        with self._lock:
            before = self._held.pop(record.id, (frozenset[Watched](), wake))[0]
            if wanted:
                self._held[record.id] = wanted, wake
            self._settle()
        return not wanted <= before

    def drop(self, order_id: str) -> None:
        """Watch nothing more for an order that is over."""
        with self._lock:
            self._held.pop(order_id, None)
            self._settle()

    def stop(self) -> None:
        """End all watches; none begins any more."""
        with self._lock:
            self._stopped = True
            self._held.clear()
            ending = list(self._followed.values())
            self._settle()
        for one in ending:
            one.join()

    def _settle(self) -> None:
        """End what nobody waits for, and begin what somebody does, as far as the limit goes."""
        wanted = {one for held, _ in self._held.values() for one in held}
        for one in self._followed.keys() - wanted:
            self._followed.pop(one).stop()
        missing = [] if self._stopped else sorted(wanted - self._followed.keys())
        for one in missing[: self.limit - len(self._followed)]:
            self._followed[one] = Following(self, one)
            self._followed[one].start()

    def tell(self, moved: Watched) -> None:
        """Wake the orders that wait for it."""
        with self._lock:
            waiting = [(wake, order) for order, (held, wake) in self._held.items() if moved in held]
        for wake, order in waiting:
            wake(order)

    def complain(self, what: Watched, why: str) -> None:
        """Log that something is not watched: once an hour for a resource, however many orders wait."""
        now = time.monotonic()
        with self._lock:
            known = now - self._complained.get(what.resource, -_HOUR) < _HOUR
            self._complained[what.resource] = self._complained[what.resource] if known else now
        if not known:
            extra = {"resource": what.resource, "in": what.namespace, "reason": why}
            _log.warning("not watched for now: orders are looked at now and then instead", extra=extra)


class Following:
    """Follows one thing in a thread of its own, and tells of whatever comes, until it is stopped."""

    def __init__(self, watches: Watches, what: Watched) -> None:
        self._watches = watches
        self._what = what
        self._stopped = threading.Event()
        self._watching: Watching | None = None
        name = f"subscriber-watch-{what.resource.rpartition('/')[2]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, and do not wait."""
        self._stopped.set()
        if self._watching is not None:
            self._watching.close()

    def join(self) -> None:
        """Wait until it has ended; not for an API server that neither answers nor hangs up."""
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        failures, longest = 0, self._watches.longest
        while not self._stopped.is_set():
            began = time.monotonic()
            why = self._guarded()
            if why and not self._stopped.is_set():
                self._watches.complain(self._what, why)
            lasted = time.monotonic() - began > longest
            failures = 0 if lasted or not why else failures + 1
            self._stopped.wait(min(2.0 ** min(failures, 10) - 1.0, longest))

    def _guarded(self) -> str:
        """Follow, and return why that ended, nothing if its time was over."""
        try:
            self._follow()
        except LitmusGitopsError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a watch outlives any one answer; the log has it whole
            _log.exception("a watch broke")
            return type(error).__name__
        return ""

    def _follow(self) -> None:
        what = self._what
        watch = self._watches.api.watch
        self._watching = watch(what.resource, what.namespace, what.selector, _HOUR, what.name)
        if not self._stopped.is_set():
            for _ in self._watching:
                self._watches.tell(what)
