"""A cluster's subscriber as a whole: it takes orders, works them off, and says that it is alive."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from shared.errors import Misconfigured, NotYet
from shared.model.calls import Answer, Call, Route
from shared.ports.ambient import Clock, Counters, Ids
from shared.ports.kubernetes import KubernetesApi
from shared.ports.peers import PortalApi
from shared.rules.digests import sealing_key
from shared.rules.permits import Permits
from shared.rules.preflight import CHECKS, Check
from shared.rules.tickets import Limits
from shared.services.subscriber.admitting import Admitting
from shared.services.subscriber.adopting import Adopting
from shared.services.subscriber.desk import Desk, Pace
from shared.services.subscriber.forwarding import Forwarding
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.lookout import Lookout
from shared.services.subscriber.outbox import Outbox
from shared.services.subscriber.proving import Proving
from shared.services.subscriber.records import Records
from shared.services.subscriber.rounds import Polling, Round
from shared.services.subscriber.running import Running
from shared.services.subscriber.showing import Showing
from shared.services.subscriber.starting import Starting
from shared.services.subscriber.steps import Steps
from shared.services.subscriber.surroundings import KINDS, Surroundings
from shared.services.subscriber.taking import Taking
from shared.services.subscriber.watches import Watches
from shared.services.subscriber.worker import Worker
from shared.wire.admission import LIMIT as REVIEW_LIMIT
from shared.wire.orders import LIMIT as ORDER_LIMIT
from shared.wire.standard_webhooks import key_of


def uncounted(name: str, **labels: str) -> None:
    """Count nothing."""


WATCHED: Final = ("Deployment", "StatefulSet", "DaemonSet")
_JSON: Final = ("application/json",)
_HEAL_SECONDS: Final = 60.0
"""How often records are looked for that nobody works on."""


@dataclass(frozen=True, slots=True)
class Options:
    """What one cluster's subscriber is told. `secrets` are its keys as text, newest first.

    `heartbeat`, `lookout` and `schedules` are the seconds between two signs of life, two lists of the `watched` kinds'
    workloads, and two looks for runs that schedules started. `namespace` holds its records, `chaos_namespace` takes
    objects that name none; `kinds` are `<Kind>=<group>/<version>/<plural>`; `checks` are the preflight checks that
    block; `watches` is how many may be held at a time. `count` counts reviews for `/metrics`.
    """

    cluster: str
    secrets: tuple[str, ...]
    namespace: str
    chaos_namespace: str = "litmus"
    poll: bool = False
    heartbeat: float = 15.0
    lookout: float = 60.0
    schedules: float = 10.0
    pace: Pace = field(default_factory=Pace)
    permits: Permits = field(default_factory=Permits)
    checks: Sequence[str] = CHECKS
    kinds: Sequence[str] = ()
    watched: Sequence[str] = WATCHED
    limits: Limits = field(default_factory=Limits)
    watches: int = 16
    first_pause: float = 1.0
    count: Counters = uncounted


class Subscriber:
    """Everything of one cluster's subscriber; nothing runs until `start`."""

    def __init__(self, taking: Taking, admitting: Admitting, worker: Worker, rounds: Sequence[Round]) -> None:
        self.records = taking.records
        self.steps = taking.steps
        self._taking = taking
        self._admitting = admitting
        self._worker = worker
        self._rounds = rounds
        self._lock = threading.Lock()
        self._process = 0

    def routes(self) -> list[Route]:
        """Return what it answers: reviews under `/admission`, orders under any other path."""
        orders = (Route("POST", path, self.take, _JSON, ORDER_LIMIT) for path in ("/", "/{rest*}"))
        admission = Route("POST", "/admission", self.admit, _JSON, REVIEW_LIMIT)
        return [Route("GET", "/readyz", self.ready), admission, *orders]

    def take(self, call: Call) -> Answer:
        """Answer an order; the first one starts the work where nothing else did."""
        self.start()
        return self._taking(call)

    def admit(self, call: Call) -> Answer:
        """Answer a review of this cluster's API server, which must not wait for anything."""
        self.start()
        return self._admitting(call)

    def ready(self, _: Call) -> Answer:
        """Answer 200 while the cluster's API answers: without it no order can be recorded."""
        self.start()
        if not self.records.reachable():
            raise NotYet("the namespace of the records cannot be read: check SUBSCRIBER_NAMESPACE and the role")
        return Answer(200, {"status": "ready"})

    def start(self) -> None:
        """Start the threads, once in each process: a server that forks its workers starts them in each of those."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._worker.start()
            for one in self._rounds:
                one.start()

    def stop(self) -> None:
        """End what is under way; records keep the rest."""
        for one in self._rounds:
            one.stop()
        self._worker.stop()


def assemble(api: KubernetesApi, portal: PortalApi, options: Options, clock: Clock, ids: Ids) -> Subscriber:
    """Return the subscriber of one cluster; `Misconfigured` names a setting that cannot be meant."""
    keys = tuple(key_of(secret) for secret in options.secrets)
    desk = Desk(clock, options.pace)
    records = Records(api, options.namespace, options.cluster)
    letters = Letters(portal, options.cluster, keys[0], clock, ids)
    steps = _steps(api, records, desk, options, keys)
    known = steps.proving.surroundings.kinds
    watches = Watches(api, known, options.watches)
    worker = Worker(records, steps, Outbox(records, letters, options.first_pause), watches)
    taking = Taking(keys, options.cluster, records, steps, clock, options.permits, worker.wake)
    showing = Showing(letters, sealing_key(keys[0]))
    forwarding = Forwarding(showing, options.count)
    kinds = {kind: known[kind] for kind in _watched(options, known)}
    rounds = [
        Round("subscriber-resume", worker.resume, _HEAL_SECONDS),
        Round("subscriber-heartbeat", letters.alive, options.heartbeat),
        Round("subscriber-forwarding", forwarding, 0.0),
        Round("subscriber-lookout", Lookout(api, letters, showing, kinds, forwarding.flush), options.lookout),
        Round("subscriber-schedules", Adopting(api, records, desk, worker, options.chaos_namespace), options.schedules),
    ]
    if options.poll:
        rounds.append(Round("subscriber-polling", Polling(letters, taking, desk), 0.0))
    return Subscriber(taking, Admitting(forwarding, clock, options.count), worker, rounds)


def _steps(api: KubernetesApi, records: Records, desk: Desk, options: Options, keys: tuple[bytes, ...]) -> Steps:
    surroundings = Surroundings(api, options.namespace, {**KINDS, **dict(map(_kind, options.kinds))})
    return Steps(
        records=records,
        desk=desk,
        proving=Proving(surroundings, desk, tuple(map(sealing_key, keys))),
        starting=Starting(
            api, surroundings, desk, options.cluster, options.chaos_namespace, _checks(options.checks), options.limits
        ),
        running=Running(api, desk, options.limits),
    )


def _checks(names: Sequence[str]) -> frozenset[Check]:
    if unknown := sorted(set(names) - set(CHECKS)):
        raise Misconfigured(f"PREFLIGHT names no check {unknown[0]!r}: there are {', '.join(CHECKS)}")
    return cast("frozenset[Check]", frozenset(names))


def _watched(options: Options, known: Mapping[str, str]) -> Sequence[str]:
    """Return the kinds to list; `*` stands for the default ones and those that were told besides."""
    if "*" in options.watched:
        return (*WATCHED, *(kind for kind, _ in map(_kind, options.kinds)))
    if unknown := [kind for kind in options.watched if kind not in known]:
        raise Misconfigured(f"WATCHED_KINDS names {unknown[0]}, whose resource is not known: add it to RESOURCES")
    return options.watched


def _kind(text: str) -> tuple[str, str]:
    kind, _, resource = text.partition("=")
    if not kind or resource.count("/") not in {1, 2}:
        raise Misconfigured(f"RESOURCES holds {text!r}: write Kind=group/version/plural")
    return kind, resource
