"""Rules of safety, freezes, and the release of held orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.model.calls import Answer, Call
from shared.model.projects import Freeze, Safety, Storm
from shared.rules.stop_conditions import check_conditions
from shared.rules.windows import check_window
from shared.services.accepting import rescheduled
from shared.services.api.clusters import member
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation, parse
from shared.services.api.tags import check_seen, tagged, version_of
from shared.services.attempts import until_fresh
from shared.services.ledger import stamp
from shared.services.releasing import Releasing
from shared.services.tables import CLUSTERS, MEMBERS, PROJECTS


@dataclass(frozen=True, slots=True)
class SafetyRules:
    """What may start, and when nothing may."""

    desk: Desk
    releasing: Releasing

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        project = "/projects/{project}"
        cluster = f"{project}/clusters/{{cluster}}"
        return [
            Operation("GET", f"{project}/safety", "Show the rules of safety", self.show),
            Operation(
                "PUT", f"{project}/safety", "Replace the rules named", self.replace, "SafetyBody", headers=("If-Match",)
            ),
            Operation("PUT", f"{project}/freeze", "Let nothing start in the project", self.freeze, "FreezeBody"),
            Operation("DELETE", f"{project}/freeze", "Lift the project's freeze", self.thaw, status=204),
            Operation("PUT", f"{cluster}/freeze", "Let nothing start on a cluster", self.freeze_cluster, "FreezeBody"),
            Operation("DELETE", f"{cluster}/freeze", "Lift a cluster's freeze", self.thaw_cluster, status=204),
            Operation("POST", f"{project}/release", "Let held orders go, or drop them", self.release, "ReleaseBody"),
        ]

    def show(self, call: Call) -> Answer:
        """Show the rules in force."""
        return _shown(self.desk.project(call).value.safety)

    def replace(self, call: Call) -> Answer:
        """Replace what the body names; `storm: null` turns the storm hold off."""
        named = parse("SafetyBody", call).model_dump(exclude_unset=True)
        return _shown(until_fresh(lambda: self._replace(call, named)))

    def _replace(self, call: Call, named: dict[str, Any]) -> Safety:
        was = self.desk.project(call)
        check_seen(call, version_of(show(was.value.safety)))
        safety = merged(was.value.safety, named)
        check_conditions(safety.stop_conditions, allow_local=self.desk.allow_local)
        write = PROJECTS.replace(was, msgspec.structs.replace(was.value, safety=safety))
        self.desk.store.commit([write], [rescheduled(self.desk.ids, was.value.id)])
        return safety

    def freeze(self, call: Call) -> Answer:
        """Freeze the project: what would start is refused, with this reason, and installed schedules are suspended."""
        return self._project(call, self._new_freeze(call))

    def thaw(self, call: Call) -> Answer:
        """Lift the project's freeze."""
        return self._project(call, None)

    def freeze_cluster(self, call: Call) -> Answer:
        """Freeze one cluster."""
        return self._cluster(call, self._new_freeze(call))

    def thaw_cluster(self, call: Call) -> Answer:
        """Lift a cluster's freeze."""
        return self._cluster(call, None)

    def release(self, call: Call) -> Answer:
        """Let go, or drop, what a storm of triggers held."""
        project, body = self.desk.project(call).value, parse("ReleaseBody", call)
        return Answer(200, {"released": self.releasing.release(project.id, drop=body.drop), "dropped": body.drop})

    def _new_freeze(self, call: Call) -> Freeze:
        return Freeze(parse("FreezeBody", call).reason, "owner", stamp(self.desk.clock))

    def _project(self, call: Call, freeze: Freeze | None) -> Answer:
        def write() -> None:
            was = self.desk.project(call)
            write = PROJECTS.replace(was, msgspec.structs.replace(was.value, freeze=freeze))
            self.desk.store.commit([write], [rescheduled(self.desk.ids, was.value.id)])

        until_fresh(write)
        return _frozen(freeze)

    def _cluster(self, call: Call, freeze: Freeze | None) -> Answer:
        def write() -> None:
            was = member(self.desk, call)
            cluster = msgspec.structs.replace(was.value, freeze=freeze)
            writes = [MEMBERS.replace(was, cluster), CLUSTERS.put(cluster, cluster.id)]
            self.desk.store.commit(writes, [rescheduled(self.desk.ids, cluster.project)])

        until_fresh(write)
        return _frozen(freeze)


def merged(safety: Safety, named: dict[str, Any]) -> Safety:
    """Return the rules with what is named in place of what was; within `max_runs` and `storm` each limit by itself.

    Raises `Invalid` for a window that cannot be read.
    """
    was: dict[str, Any] = msgspec.to_builtins(safety)
    for rule in ("max_runs", "storm"):
        if named.get(rule) is not None:
            named = named | {rule: (was[rule] or msgspec.to_builtins(Storm())) | named[rule]}
    found = msgspec.convert(was | named, Safety)
    for window in found.windows:
        check_window(window)
    return found


def _shown(safety: Safety) -> Answer:
    return Answer(200, show(safety), tagged(version_of(show(safety))))


def _frozen(freeze: Freeze | None) -> Answer:
    return Answer(204) if freeze is None else Answer(200, {"reason": freeze.reason, "by": freeze.by, "at": freeze.at})


def show(safety: Safety) -> dict[str, Any]:
    """Return the rules as the API shows them."""
    shown: dict[str, Any] = msgspec.to_builtins(safety)
    return shown
