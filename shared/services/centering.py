"""Carries out the orders of clusters whose target is a ChaosCenter, in place of a subscriber of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.errors import LitmusGitopsError, Misconfigured, NotYet, Stale
from shared.model.centers import Errand
from shared.model.messages import Message
from shared.model.runs import Report
from shared.ports.ambient import Clock, Ids, Secrets
from shared.ports.peers import ChaosCenters
from shared.ports.state import Store
from shared.rules.center_runs import LONGEST, SHORTEST, over, pause
from shared.rules.facts import Refusal
from shared.services.center_calls import CenterCalls
from shared.services.center_cases import WORDS, Case, CenterDesk
from shared.services.center_following import CenterFollowing
from shared.services.center_starting import CenterStarting
from shared.services.conditions import Conditions
from shared.services.confirming import Confirming
from shared.services.errands import errand_due
from shared.services.gates import Gates
from shared.services.tables import CLUSTERS, ERRANDS, ORDERS, Versioned


@dataclass(frozen=True, slots=True)
class Centering:
    """Works off the messages `dispatch/center`; each comes again until its order is over."""

    store: Store
    centers: ChaosCenters
    secrets: Secrets
    clock: Clock
    ids: Ids
    conditions: Conditions

    def look(self, asked: Message) -> None:
        """Take the next step of an order: `NotYet` until it is over."""
        cluster = CLUSTERS.load(self.store, asked.ids["cluster"])
        order = ORDERS.load(self.store, asked.ids["cluster"], asked.ids["order"])
        center = cluster.value.chaoscenter if cluster else None
        if cluster is None or order is None or center is None:
            return
        calls = CenterCalls(self.centers, self.secrets, center, order.value.traceparent)
        case = Case(cluster.value, order, calls)
        try:
            self._step(case)
        except Stale as error:
            raise NotYet(f"order {order.value.id} was moved by another", 1.0) from error

    def _step(self, case: Case) -> None:
        action, ready = case.order.value.action, case.order.value.state == "ready"
        if action == "run":
            self._run(case)
        elif ready and action == "prove":
            self._prove(case)
        elif ready and action == "stop":
            self._stop(case)
        elif ready:
            reason = "schedules cannot be installed through a ChaosCenter: give the cluster a subscriber"
            self._gates.end(case.order, Refusal("chaoscenter", reason))

    def _prove(self, case: Case) -> None:
        if self._confirmed(case):
            self._desk.say(
                case, Report(case.id, case.id, "completed", "", message="an audit event confirmed the change")
            )

    def _confirmed(self, case: Case) -> bool:
        """Whether the change of an order was confirmed; if it cannot be any more, the order ends here."""
        doubt = Confirming(self.store, self.clock).doubt(case.order.value)
        if doubt and doubt.wait:
            raise NotYet(f"order {case.id}: {doubt.reason}", SHORTEST)
        if doubt:
            self._desk.say(case, Report(case.id, case.id, "skipped", "", phase="proof", message=doubt.reason))
        return doubt is None

    def _run(self, case: Case) -> None:
        errand = ERRANDS.load(self.store, case.cluster.id, case.id)
        if errand and errand.value.begun:
            self._follow(case, errand.value)
        elif case.order.value.state == "ready" and (errand or self._confirmed(case)):
            self._start(case, errand)
        elif errand:
            self._seek(case, errand)

    def _start(self, case: Case, errand: Versioned[Errand] | None) -> None:
        going = self._gates.let_go(case.cluster.id, case.id)
        if going is None:
            return self._ended(case, errand)
        try:
            self._starting(case).start(going, errand)
        except LitmusGitopsError as error:
            if error.retry or isinstance(error, Misconfigured):
                raise self._away(case, error) from error
            self._gates.end(going, Refusal("chaoscenter", str(error)[:WORDS]))
            self._forget(case)
        else:
            raise self._again(case, SHORTEST)

    def _ended(self, case: Case, errand: Versioned[Errand] | None) -> None:
        """Leave an order that safety ended; where its run may have been started, that is looked for."""
        if errand:
            raise self._again(case, 0.0)

    def _seek(self, case: Case, errand: Versioned[Errand]) -> None:
        """Look whether an order runs that was ended while it was being started: its run then tells the truth."""
        try:
            found = self._starting(case).seek(case.order, errand)
        except LitmusGitopsError as error:
            raise self._away(case, error) from error
        if found:
            raise self._again(case, SHORTEST)

    def _follow(self, case: Case, errand: Errand) -> None:
        age = (self.clock() - datetime.fromisoformat(errand.at)).total_seconds()
        if not CenterFollowing(self._desk).ended(case, errand, age):
            raise self._again(case, pause(age))
        self._forget(case)

    def _stop(self, case: Case) -> None:
        """Stop the run that the order names; its own messages then see it end."""
        name = str(case.order.value.parameters.get("run"))
        errand = ERRANDS.load(self.store, case.cluster.id, name)
        if errand is None:
            self._stopped(case, name, "nothing of it runs in the ChaosCenter")
            return
        try:
            found = case.calls.find(errand.value, name)
            if found and not over(found):
                case.calls.stop(errand.value, found)
        except LitmusGitopsError as error:
            raise self._away(case, error) from error
        if found is None and not errand.value.begun:
            raise self._again(case, SHORTEST)
        self._stopped(case, name, "the ChaosCenter was told to stop it")

    def _stopped(self, case: Case, run: str, message: str) -> None:
        self.store.commit([], [errand_due(case.cluster.id, run)])
        self._desk.say(case, Report(case.id, case.id, "completed", "", message=message))

    def _forget(self, case: Case) -> None:
        self.store.commit([ERRANDS.delete(case.cluster.id, case.id)])

    def _away(self, case: Case, error: LitmusGitopsError) -> NotYet:
        """Remember that the order was tried; how often decides when it is tried again."""
        attempts = self._desk.note(case, error)
        own = error.seconds if isinstance(error, NotYet) else min(LONGEST, 2.0 ** min(attempts, 10))
        return NotYet(f"order {case.id} waits: {error}", own)

    def _again(self, case: Case, seconds: float) -> NotYet:
        return NotYet(f"order {case.id} is looked after again", seconds)

    def _starting(self, case: Case) -> CenterStarting:
        return CenterStarting(self.store, self.clock, self.ids, case.calls)

    @property
    def _desk(self) -> CenterDesk:
        return CenterDesk(self.store, self.clock, self.ids)

    @property
    def _gates(self) -> Gates:
        return Gates(self.store, self.clock, self.ids, self.conditions)
