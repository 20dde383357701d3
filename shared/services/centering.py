"""Carries out the orders of clusters whose target is a ChaosCenter, in place of a subscriber of ours."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from shared.errors import LitmusGitopsError, Misconfigured, NotFound, NotYet, Stale
from shared.model.centers import CenterRun, Errand
from shared.model.messages import Message
from shared.model.orders import Dispatched
from shared.model.projects import Cluster
from shared.model.runs import Report, Run
from shared.ports import ChaosCenters, Clock, Ids, Secrets, Store
from shared.rules.center_runs import LONGEST, SHORTEST, is_of, over, pause, standing, unstarted
from shared.rules.facts import Refusal
from shared.rules.outcomes import Outcome
from shared.rules.runs import OVER
from shared.services.center_calls import CenterCalls
from shared.services.center_starting import CenterStarting
from shared.services.confirming import Confirming
from shared.services.errands import errand_due
from shared.services.gates import Gates
from shared.services.ledger import stamp
from shared.services.ordering import OPEN, Ordering
from shared.services.reporting import Reports
from shared.services.tables import CLUSTERS, ERRANDS, ORDERS, RUNS, Versioned

_SLACK: Final = 600.0
"""Seconds that a run gets beyond its Workflow's own deadline before it needs attention."""

_WATCHED: Final = 86_400.0
"""Seconds after which a run that did not end is not asked for any more."""

_WORDS: Final = 2000


class _Case(msgspec.Struct, frozen=True):
    """One order, its cluster, and the ChaosCenter that carries it out."""

    cluster: Cluster
    order: Versioned[Dispatched]
    calls: CenterCalls

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order.value.id


@dataclass(frozen=True, slots=True)
class Centering:
    """Works off the messages `dispatch/center`; each comes again until its order is over."""

    store: Store
    centers: ChaosCenters
    secrets: Secrets
    clock: Clock
    ids: Ids

    def look(self, asked: Message) -> None:
        """Take the next step of an order: `NotYet` until it is over."""
        cluster = CLUSTERS.load(self.store, asked.ids["cluster"])
        order = ORDERS.load(self.store, asked.ids["cluster"], asked.ids["order"])
        center = cluster.value.chaoscenter if cluster else None
        if cluster is None or order is None or center is None:
            return
        case = _Case(cluster.value, order, CenterCalls(self.centers, self.secrets, center))
        try:
            self._step(case)
        except Stale as error:
            raise NotYet(f"order {order.value.id} was moved by another", 1.0) from error

    def _step(self, case: _Case) -> None:
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

    def _prove(self, case: _Case) -> None:
        if self._confirmed(case):
            self._say(case, Report(case.id, case.id, "completed", "", message="an audit event confirmed the change"))

    def _confirmed(self, case: _Case) -> bool:
        """Whether the change of an order was confirmed; if it cannot be any more, the order ends here."""
        doubt = Confirming(self.store, self.clock).doubt(case.order.value)
        if doubt and doubt.wait:
            raise NotYet(f"order {case.id}: {doubt.reason}", SHORTEST)
        if doubt:
            self._say(case, Report(case.id, case.id, "skipped", "", phase="proof", message=doubt.reason))
        return doubt is None

    def _run(self, case: _Case) -> None:
        errand = ERRANDS.load(self.store, case.cluster.id, case.id)
        if errand and errand.value.begun:
            self._follow(case, errand)
        elif case.order.value.state == "ready" and (errand or self._confirmed(case)):
            self._start(case, errand)
        elif errand:
            self._seek(case, errand)

    def _start(self, case: _Case, errand: Versioned[Errand] | None) -> None:
        going = self._gates.let_go(case.cluster.id, case.id)
        if going is None:
            return self._ended(case, errand)
        try:
            self._starting(case).start(going, errand)
        except LitmusGitopsError as error:
            if error.retry or isinstance(error, Misconfigured):
                raise self._away(case, error) from error
            self._gates.end(going, Refusal("chaoscenter", str(error)[:_WORDS]))
            self._forget(case)
        else:
            raise self._again(case, SHORTEST)

    def _ended(self, case: _Case, errand: Versioned[Errand] | None) -> None:
        """Leave an order that safety ended; where its run may have been started, that is looked for."""
        if errand:
            raise self._again(case, 0.0)

    def _seek(self, case: _Case, errand: Versioned[Errand]) -> None:
        """Look whether an order runs that was ended while it was being started: its run then tells the truth."""
        try:
            found = self._starting(case).seek(case.order, errand)
        except LitmusGitopsError as error:
            raise self._away(case, error) from error
        if found:
            raise self._again(case, SHORTEST)

    def _follow(self, case: _Case, errand: Versioned[Errand]) -> None:
        age = (self.clock() - datetime.fromisoformat(errand.value.at)).total_seconds()
        try:
            run = case.calls.find(errand.value, case.id)
            ended = self._gone(case) if run is None else self._told(case, errand.value, run, age)
        except NotFound:
            ended = self._gone(case)
        except Stale:
            raise
        except LitmusGitopsError as error:
            self._note(case, error)
            ended = False
        if not ended and age > _WATCHED:
            ended = self._lost(case, "the ChaosCenter did not say within a day how it ended: look there")
        if not ended:
            raise self._again(case, pause(age))
        self._forget(case)

    def _told(self, case: _Case, errand: Errand, run: CenterRun, age: float) -> bool:
        """Report how a run stands, and return whether it has ended."""
        if run.labels and not is_of(run, case.id):
            return self._foreign(case, errand, run)
        if unstarted(run):
            return self._late(case, errand, run)
        outcome = standing(run, overdue=age > errand.deadline + _SLACK)
        self._report(case, outcome)
        return outcome.ended

    def _foreign(self, case: _Case, errand: Errand, run: CenterRun) -> bool:
        """Stop a run that is of another manifest: the experiment was saved by another between our save and our run."""
        if not over(run):
            case.calls.stop(errand, run)
        return self._lost(case, "it was saved by somebody else while it was being started: what ran was not git's")

    def _late(self, case: _Case, errand: Errand, run: CenterRun) -> bool:
        """Give up a run that no agent has taken in time; it is never run late."""
        if self.clock() <= datetime.fromisoformat(case.order.value.not_after):
            return False
        case.calls.stop(errand, run)
        reason = f"the ChaosCenter did not start it by {case.order.value.not_after}"
        self._say(case, Report(case.id, case.id, "expired", "", phase=run.phase, message=reason))
        return True

    def _gone(self, case: _Case) -> bool:
        return self._lost(case, "the ChaosCenter does not know this run any more: was its experiment deleted?")

    def _lost(self, case: _Case, reason: str) -> bool:
        self._say(case, Report(case.id, case.id, "error", "", verdict="Error", message=reason))
        return True

    def _report(self, case: _Case, outcome: Outcome) -> None:
        """Report how a run stands, unless that is what its last report said."""
        was = RUNS.load(self.store, case.cluster.project, case.id)
        report = Report(case.id, case.id, outcome.state, "", outcome.phase, outcome.verdict, None, outcome.faults)
        report = msgspec.structs.replace(report, message=outcome.message[:_WORDS])
        if was is None or _shown(was.value) != _shown(report):
            self._say(case, report)

    def _stop(self, case: _Case) -> None:
        """Stop the run that the order names; its own messages then see it end."""
        name = str(case.order.value.parameters.get("run"))
        errand, run = ERRANDS.load(self.store, case.cluster.id, name), RUNS.load(self.store, case.cluster.project, name)
        if errand is None or run is None:
            self._stopped(case, name, "nothing of it runs in the ChaosCenter")
            return
        try:
            found = case.calls.find(errand.value, name)
            if found and not over(found):
                case.calls.stop(errand.value, found)
        except LitmusGitopsError as error:
            raise self._away(case, error) from error
        if found is None and run.value.state not in OVER and not errand.value.begun:
            raise self._again(case, SHORTEST)
        self._stopped(case, name, "the ChaosCenter was told to stop it")

    def _stopped(self, case: _Case, run: str, message: str) -> None:
        self.store.commit([], [errand_due(case.cluster.id, run)])
        self._say(case, Report(case.id, case.id, "completed", "", message=message))

    def _say(self, case: _Case, report: Report) -> None:
        Reports(self.store, self.clock, self.ids).take(
            case.cluster, msgspec.structs.replace(report, at=stamp(self.clock))
        )

    def _forget(self, case: _Case) -> None:
        self.store.commit([ERRANDS.delete(case.cluster.id, case.id)])

    def _away(self, case: _Case, error: LitmusGitopsError) -> NotYet:
        """Remember that the order was tried; how often decides when it is tried again."""
        attempts = self._note(case, error)
        own = error.seconds if isinstance(error, NotYet) else min(LONGEST, 2.0 ** min(attempts, 10))
        return NotYet(f"order {case.id} waits: {error}", own)

    def _note(self, case: _Case, error: LitmusGitopsError) -> int:
        """Show on the order what is in its way, and return how often something was."""
        was = ORDERS.load(self.store, case.cluster.id, case.id) or case.order
        now = msgspec.structs.replace(was.value, attempts=was.value.attempts + 1, reason=str(error)[:_WORDS])
        if was.value.state in OPEN:
            with suppress(Stale):
                self.store.commit(Ordering(self.store, self.clock, self.ids).moved(was, now).writes)
        return now.attempts

    def _again(self, case: _Case, seconds: float) -> NotYet:
        return NotYet(f"order {case.id} is looked after again", seconds)

    def _starting(self, case: _Case) -> CenterStarting:
        return CenterStarting(self.store, self.clock, self.ids, case.calls)

    @property
    def _gates(self) -> Gates:
        return Gates(self.store, self.clock, self.ids)


def _shown(one: Run | Report) -> tuple[object, ...]:
    return one.state, one.phase, one.message, [(fault.name, fault.verdict) for fault in one.faults]
