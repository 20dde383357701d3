"""From a push that asks for a start to orders: looked up at git's head, judged, and made once each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from shared.errors import NotYet
from shared.model.experiments import Experiment
from shared.model.messages import Message
from shared.model.projects import Cluster, GitOps, Project
from shared.model.runs import Recent
from shared.model.triggers import Pushed
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.composing import Start
from shared.rules.facts import Refusal
from shared.rules.pushing import outrun
from shared.rules.routing import chosen
from shared.rules.safety import Pushing, remember_push
from shared.rules.standing import unfit
from shared.services.attempts import until_fresh
from shared.services.conditions import Conditions
from shared.services.heads import PAUSES, Heads
from shared.services.ledger import stamp
from shared.services.placing import Placing
from shared.services.portal_records import listed
from shared.services.repositories import Repositories
from shared.services.starts import pushed_key
from shared.services.tables import EXPERIMENTS, MEMBERS, PROJECTS, PUSHED, RECENT


class _Case(msgspec.Struct, frozen=True):
    """A start that a push asked for: of this blob, under the settings of its project as they are now."""

    project: Project
    gitops: GitOps
    name: str
    pushed: Pushed
    blob: str
    found: Experiment | None
    start: Start


@dataclass(frozen=True, slots=True)
class PushStarts:
    """Starts what pushes ask for; what is made here is sent by `Delivering`."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids
    conditions: Conditions

    def push(self, message: Message) -> None:
        """Make the orders of a start (message `dispatch/push`): `NotYet` until the portal is at the head of git."""
        project, name = message.ids["project"], pushed_key(*(message.ids[k] for k in ("experiment", "blob", "commit")))
        settings, pushed = PROJECTS.load(self.store, project), PUSHED.load(self.store, project, name)
        if settings is None or settings.value.gitops is None or pushed is None or pushed.value.state == "done":
            return
        case = self._case(settings.value, settings.value.gitops, message, name, pushed.value)
        self._judge(case, self._refusal(case))
        self._end(case)

    def _judge(self, case: _Case, refusal: Refusal | None) -> None:
        if stamp(self.clock) > case.start.until:
            self._late(case.start, refusal)
        elif refusal is None:
            self._place(case)
        elif refusal.wait:
            raise NotYet(refusal.reason, PAUSES[refusal.rule])
        else:
            self._placing.note(case.start, "superseded" if refusal.rule == "superseded" else "refused", refusal)

    def _late(self, start: Start, refusal: Refusal | None) -> None:
        if not self._placing.made_before(start, [cluster.id for cluster in self._clusters(start.project)]):
            self._placing.expire(start, refusal)

    def _case(self, project: Project, gitops: GitOps, message: Message, name: str, pushed: Pushed) -> _Case:
        experiment, blob, commit = (message.ids[k] for k in ("experiment", "blob", "commit"))
        found = EXPERIMENTS.load(self.store, project.id, experiment)
        shown = found.value if found else Experiment(experiment, "", blob, commit, "invalid", pushed.at)
        meant = msgspec.structs.replace(shown, blob=blob, commit=commit)
        expiry, trace, came_at = project.safety.expiry, pushed.traceparent, pushed.came_at
        start = Start(pushed.id, project.id, "push", pushed.at, expiry, meant, traceparent=trace, came_at=came_at)
        return _Case(project, gitops, name, pushed, blob, found.value if found else None, start)

    def _refusal(self, case: _Case) -> Refusal | None:
        if not case.gitops.enabled:
            return Refusal("mode", f"nothing starts in project {case.project.id}, since its GitOps is off")
        return (
            outrun(case.found, case.blob, case.gitops.run_on_push)
            or Heads(self.store, self.repositories, self.clock, self.ids).behind(case.project.id, case.gitops)
            or unfit(case.found, case.start.experiment.id)
        )

    def _place(self, case: _Case) -> None:
        start = case.start
        routed = chosen(start.manifest, (), self._clusters(start.project), case.gitops.infra_ids)
        for refusal in routed.refusals:
            self._placing.note(start, "refused", refusal)
        if routed.clusters:
            until_fresh(lambda: self._count(case))
        if case.gitops.mode == "enforce":
            self._placing.push(start, routed.clusters)
        else:
            self._placing.show(start, routed.clusters, self.conditions)

    def _count(self, case: _Case) -> None:
        """Have safety remember the push, once, whichever of its starts comes first."""
        was = PUSHED.load_or(self.store, case.pushed, case.project.id, case.name)
        if was.value.state != "decided":
            return
        recent, hold = RECENT.load_or(self.store, Recent(), case.project.id), case.gitops.mode == "enforce"
        push = Pushing(case.start.experiment.commit, was.value.among)
        more = remember_push(recent.value, self.clock(), case.project.safety.storm, push, hold=hold)
        counted = [] if more == recent.value else [RECENT.replace(recent, more)]
        self.store.commit([PUSHED.replace(was, _moved(was.value, "counted")), *counted])

    def _end(self, case: _Case) -> None:
        self.store.commit([PUSHED.put(_moved(case.pushed, "done"), case.project.id, case.name)])

    @property
    def _placing(self) -> Placing:
        return Placing(self.store, self.clock, self.ids)

    def _clusters(self, project: str) -> list[Cluster]:
        return [row.value for row in listed(self.store, MEMBERS, project)]


def _moved(pushed: Pushed, state: Literal["counted", "done"]) -> Pushed:
    return msgspec.structs.replace(pushed, state=state)
