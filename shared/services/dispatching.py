"""From a change that triggers, or from a person, to orders: looked up at git's head, routed, and made once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shared.errors import Conflict, Invalid, NotFound, NotYet
from shared.model.experiments import Experiment
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Cluster, GitOps, Project
from shared.model.runs import Run
from shared.model.triggers import Trigger
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import Start, run_order
from shared.rules.facts import Refusal
from shared.rules.routing import chosen, targets
from shared.rules.standing import unfit
from shared.services.conditions import Conditions
from shared.services.guarding import Guarding
from shared.services.heads import PAUSES, Heads
from shared.services.inbox import Action
from shared.services.ledger import stamp
from shared.services.placing import Placing
from shared.services.portal_records import listed
from shared.services.push_starts import PushStarts
from shared.services.repositories import Repositories
from shared.services.scheduling import Scheduling
from shared.services.stopping import Stopping
from shared.services.tables import EVENTS, EXPERIMENTS, MEMBERS, PROJECTS


class _Case(msgspec.Struct, frozen=True):
    """A change that triggered, with the project that it belongs to."""

    project: Project
    gitops: GitOps
    event: Event
    trigger: Trigger

    def start(self, experiment: Experiment) -> Start:
        """Return what the change starts."""
        return Start(
            id=self.event.id,
            project=self.project.id,
            cause="change",
            at=self.event.at,
            expiry=self.project.safety.expiry,
            experiment=experiment,
            trigger=self.trigger,
            traceparent=self.event.detail.get("traceparent", ""),
        )


@dataclass(frozen=True, slots=True)
class Dispatching:
    """Starts experiments; what is made here is sent by `Delivering`."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids
    conditions: Conditions

    @property
    def actions(self) -> dict[str, Action]:
        """What messages may ask for."""
        return {"change": self.change, "push": self.push, "schedule": self.schedule}

    def change(self, message: Message) -> None:
        """Make the orders of a change (message `dispatch/change`): `NotYet` until the portal is at the head of git."""
        case = self._case(message.ids["project"], message.ids["change"])
        if case is None:
            return
        behind = Heads(self.store, self.repositories, self.clock, self.ids).behind(case.project.id, case.gitops)
        waits = [self._begin(case, name, behind) for name in case.trigger.experiments]
        if waiting := [one for one in waits if one]:
            raise NotYet(waiting[0].reason, PAUSES[waiting[0].rule])

    def push(self, message: Message) -> None:
        """Make the orders of what a push starts (message `dispatch/push`): `NotYet` until the portal is at the head."""
        PushStarts(self.store, self.repositories, self.clock, self.ids, self.conditions).push(message)

    def schedule(self, asked: Message) -> None:
        """Order what is due of one schedule, or of all of a project (message `dispatch/schedule`)."""
        Scheduling(self.store, self.clock, self.ids).look(asked)

    def start(  # noqa: PLR0913, PLR0917 - what a person says, and in which trace
        self, project: str, experiment: str, clusters: Sequence[str], cause: str, by: str, traceparent: str = ""
    ) -> list[Run]:
        """Start an experiment for a person, without a guard; `clusters` may be empty where one is meant.

        Raises `NotFound`, `Invalid` for clusters, and `Conflict` that names the rule which refuses.
        """
        settings, found = PROJECTS.load(self.store, project), EXPERIMENTS.load(self.store, project, experiment)
        if settings is None or found is None:
            raise NotFound(f"no experiment {experiment!r} in project {project!r}")
        if refusal := unfit(found.value, experiment):
            raise _conflict(refusal)
        start = self._by_person(settings.value, found.value, cause, traceparent)
        routed = chosen(start.manifest, clusters, self._clusters(project), _infra_ids(settings.value))
        if routed.refusals:
            raise Invalid("; ".join(refusal.reason for refusal in routed.refusals))
        return self._start(start, routed.clusters, by)

    def stop(self, project: str, run: str, by: str = "owner") -> Run:
        """Stop a run: one that was not let go ends here, any other is told to. `Conflict` if it is over."""
        return Stopping(self.store, self.clock, self.ids).stop(project, run, by)

    def _case(self, project: str, change: str) -> _Case | None:
        found, event = PROJECTS.load(self.store, project), EVENTS.load(self.store, project, "change", change)
        gitops = found and found.value.gitops
        if found is None or not gitops or not gitops.enabled or event is None:
            return None
        trigger = event.value.detail.get("trigger")
        return _Case(found.value, gitops, event.value, msgspec.convert(trigger, Trigger)) if trigger else None

    def _begin(self, case: _Case, name: str, behind: Refusal | None) -> Refusal | None:
        """Make the orders of one experiment, or return why that is too early."""
        found = EXPERIMENTS.load(self.store, case.project.id, name)
        start = case.start(found.value if found else Experiment(name, "", "", "", "invalid", case.event.at))
        refusal = behind or unfit(found.value if found else None, name)
        if stamp(self.clock) > start.until:
            self._late(start, refusal)
            return None
        if refusal and not refusal.wait:
            self._placing.note(start, "refused", refusal)
            return None
        if refusal is None:
            self._place(case, start)
        return refusal

    def _late(self, start: Start, refusal: Refusal | None) -> None:
        if not self._placing.made_before(start, [cluster.id for cluster in self._clusters(start.project)]):
            self._placing.expire(start, refusal)

    def _place(self, case: _Case, start: Start) -> None:
        workload = case.trigger.workload
        routed = targets(
            start.manifest, workload.cluster, workload.namespace, self._clusters(start.project), case.gitops.infra_ids
        )
        for refusal in routed.refusals:
            self._placing.note(start, "refused", refusal)
        enforced = case.gitops.mode == "enforce" and case.event.verdict == "triggered"
        if enforced:
            self._placing.place(start, workload.cluster, routed.clusters)
        else:
            self._placing.show(start, routed.clusters, self.conditions)

    def _by_person(self, project: Project, experiment: Experiment, cause: str, traceparent: str) -> Start:
        now, expiry = stamp(self.clock), project.safety.expiry
        return Start(self.ids(), project.id, cause, now, expiry, experiment, traceparent=traceparent)

    def _start(self, start: Start, clusters: Sequence[str], by: str) -> list[Run]:
        orders = [run_order(start, cluster, start.at) for cluster in clusters]
        for order in orders:
            refusal = Guarding(self.store, self.clock).refusal(order)
            if refusal and not refusal.wait:
                self._placing.note(start, "refused", refusal, order.cluster)
                raise _conflict(refusal)
        return [self._placing.make(start, order, by) for order in orders]

    @property
    def _placing(self) -> Placing:
        return Placing(self.store, self.clock, self.ids)

    def _clusters(self, project: str) -> list[Cluster]:
        return [row.value for row in listed(self.store, MEMBERS, project)]


def _conflict(refusal: Refusal) -> Conflict:
    return Conflict(f"{refusal.rule}: {refusal.reason}")


def _infra_ids(project: Project) -> dict[str, str]:
    return project.gitops.infra_ids if project.gitops else {}
