"""Histories of a workload, told by signals that are lost, late, repeated and reordered, and what they should start.

A step is one request of somebody, what becomes of it, and which of its signals come. The model counts for each field
how often a run has to be started for it (`must`), and how often it may be (`may`): more than it must, where the design
leaves a change to the signals that come, as with one that another has overtaken before anybody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec

from shared.rules.digests import NULL, digest
from tests.services.api_writes import ARGO_CD, AUTOSCALER, CHAOS, DEPLOYMENTS, NAME, Json, Written
from tests.services.history_counts import Counts
from tests.services.history_steps import (
    ENV,
    FIRST,
    IMAGE,
    PERSISTED,
    QUIET,
    RACER,
    REPLICAS,
    RESTART,
    SCALES,
    WHOLE,
    WRITES,
    Step,
    annotated,
    field_in,
    field_of,
    imaged,
    moved,
    unversioned,
)
from tests.services.watched_cluster import WatchedCluster


class History:
    """Plays steps on a cluster, and keeps what they must and may start.

    An order that did not start gives way to that of a newer change which is there; one whose change does not come is in
    the way of others for a minute, and takes nothing away. So what came shortly before something else that lasted only
    may start.
    """

    def __init__(self, cluster: WatchedCluster) -> None:
        self.cluster = cluster
        self.made = FIRST
        self.counts = Counts()
        self.late: list[Json] = []
        self.in_the_way = 0.0
        self.paused = True
        cluster.tell(cluster.api.create(f"web:{FIRST}"))
        cluster.heartbeat()
        cluster.rest(10)
        self.backup = deepcopy(cluster.api.live)

    def play(self, step: Step) -> None:
        """Do a step, let the portal learn of it, and let time pass.

        Replicas that only a heartbeat tells of are an autoscaler's, by the design, where one targets the workload.
        """
        self.made += 1
        self.cluster.quick = step.quick
        if self.cluster.autoscaled and step.verb in SCALES and step.told == "heartbeat" and step.fate in PERSISTED:
            step = msgspec.structs.replace(step, fate="by an autoscaler")
        late, self.late = self.late, []
        self.counts.behind = bool(late)
        if step.fate != "persisted" or not self.paused:
            self.in_the_way = max(self._now, self.in_the_way) + 62
        self.paused = bool(step.pause)
        if step.verb in QUIET and step.fate != "raced":
            self._tell(step, self._write(step, denied=step.fate == "denied", dry_run=step.fate == "dry run"))
        else:
            self.counts.take_away(step, self.made)
            self._loud(step)
        if late:
            self.cluster.audit(*late, *late[:1])
        if step.beat:
            self.cluster.heartbeat()
        if step.pause:
            self._rest(step.pause)

    def end(self) -> None:
        """Let the last signals come, and everything that looks for a change give up or start."""
        self.cluster.rest(10)
        for _ in range(2):
            if self.late:
                self.cluster.audit(*self.late)
            self.cluster.heartbeat()
            self.cluster.rest(70)
        for _ in range(self.made):
            if self.cluster.stage.open(self.cluster.name):
                self.cluster.rest(70)
        assert [] == self.cluster.stage.open(self.cluster.name)

    @property
    def _now(self) -> float:
        return self.cluster.stage.clock.now.timestamp()

    def _rest(self, seconds: float) -> None:
        self.cluster.rest(seconds)
        if self._now > self.in_the_way:
            self.counts.standing.clear()

    def _loud(self, step: Step) -> None:
        fate = step.fate if step.verb not in WHOLE else step.verb
        plays: dict[str, Callable[[Step], None]] = {
            "persisted": self._persisted,
            "denied": lambda one: self._tell(one, self._write(one, denied=True)),
            "dry run": lambda one: self._tell(one, self._write(one, dry_run=True)),
            "tried again": self._tried_again,
            "raced": self._raced,
            "reverted": self._reverted,
            "by chaos": self._by_chaos,
            "undone chaos": self._undone_chaos,
            "by an autoscaler": self._by_an_autoscaler if step.verb in SCALES else self._persisted,
            "recreate": self._recreated,
            "opt out": self._opted_out,
            "restore": self._restored,
        }
        plays[fate](step)

    def _persisted(self, step: Step) -> None:
        self._tell(step, self._write(step))
        self.counts.expect(step, field_of(step, self.made))

    def _tried_again(self, step: Step) -> None:
        self._tell(step, self._write(step, denied=True))
        if step.latency:
            self._rest(step.latency)
        self._persisted(step)

    def _raced(self, step: Step) -> None:
        """Let somebody else's write come between a write's admission and its persistence, so that it is tried again."""
        others: list[Written] = []
        other = {"spec": {"template": {"metadata": {"annotations": {"racer": str(self.made)}}}}}
        first = self._write(step, meanwhile=lambda: others.append(self.cluster.api.patch(other)))
        parts = [first.reviews[:1], others[0].reviews, first.reviews[1:]]
        self._tell(step, Written([one for part in parts for one in part], others[0].event, good=True))
        self._tell(step, Written([], first.event, good=True))
        racer = (RACER, digest(str(self.made)))
        both = [racer] if step.verb in QUIET else [field_of(step, self.made), racer]
        newest = both[0] if step.told == "audit" else racer
        self.counts.let(field for field in both if field != newest)
        self.counts.expect(step, newest, beside=both)

    def _reverted(self, step: Step) -> None:
        """Undo a write before anybody looks; going back to a template that was known is no reason, scaling is."""
        before = deepcopy(self.cluster.api.live)
        assert before
        written = self._write(step)
        back = self.cluster.api.request("PUT", f"{DEPLOYMENTS}/{NAME}", unversioned(before))
        for one in (written, back):
            self._tell(msgspec.structs.replace(step, told="both" if step.told == "heartbeat" else step.told), one)
        if step.verb in SCALES:
            self.counts.expect(step, field_in(before, step))
        elif self.counts.behind:
            self.counts.let([field_in(before, step)])

    def _by_chaos(self, step: Step) -> None:
        self.cluster.run("argo-chaos")
        self._tell(step, self._write(step, user=CHAOS))
        self.cluster.run()
        self.counts.leave_open(step, self.made)

    def _undone_chaos(self, step: Step) -> None:
        """Have chaos change something, and a GitOps controller take that back once the run has ended.

        What chaos changed in a workload that is first seen so, after a restore, nobody can say.
        """
        before = deepcopy(self.cluster.api.live)
        assert before
        self._by_chaos(step)
        if step.latency:
            self._rest(step.latency)
        back = self.cluster.api.request("PUT", f"{DEPLOYMENTS}/{NAME}", unversioned(before), user=ARGO_CD)
        self._tell(step, back)
        if step.unheard or (self.counts.unseen and step.one_sided):
            self.counts.let([field_in(before, step)])

    def _by_an_autoscaler(self, step: Step) -> None:
        self.cluster.autoscaled = True
        self._tell(step, self._write(step, user=AUTOSCALER))
        self.counts.leave_open(step, self.made)
        self.cluster.autoscaled = step.unheard

    def _recreated(self, step: Step) -> None:
        before = self.cluster.api.live
        self._tell(step, self.cluster.api.delete())
        self.cluster.wait(1)
        self._tell(step, self.cluster.api.create(f"web:{self.made}"))
        self.counts.let([(REPLICAS, digest(2)), (ENV, digest("0")), (RESTART, NULL), (RACER, NULL)])
        assert before
        assert self.cluster.api.live
        self.counts.expect(step, (IMAGE, digest(f"web:{self.made}")), beside=moved(before, self.cluster.api.live))

    def _opted_out(self, step: Step) -> None:
        """Opt out, change something, and opt in again."""
        for body in (annotated(None), imaged(self.made), annotated("true")):
            self._tell(msgspec.structs.replace(step, told="both", late=False), self.cluster.api.patch(body))

    def _restored(self, step: Step) -> None:
        """Restore etcd from a backup, which takes its time; every second one is seen by a heartbeat.

        What is first seen with a change after it may be that change's, as its generation need not have gone back.
        """
        self._rest(70)
        before = self.cluster.api.live
        assert self.backup
        assert before
        self.cluster.api.restore(self.backup)
        self.late.clear()
        self.counts.unseen = step.told != "heartbeat"
        if self.counts.unseen:
            self.counts.let(moved(before, self.backup))
        else:
            self.cluster.heartbeat()

    def _write(self, step: Step, **options: Any) -> Written:
        return WRITES[step.verb](self.cluster.api, self.made, options)

    def _tell(self, step: Step, written: Written) -> None:
        """Let those of a write's signals come that are meant to."""
        if step.told in {"reviews", "both"}:
            self.cluster.tell(written)
        if step.told in {"audit", "both"} and step.late:
            self.late.append(written.event)
        elif step.told in {"audit", "both"}:
            self.cluster.tell(written, reviews=False, audit=True, times=step.times)
        if step.told == "heartbeat":
            self.cluster.heartbeat()
