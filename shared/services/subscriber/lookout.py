"""Lists the cluster's opted-in workloads, so that a change whose webhook was lost still reaches the portal.

What the role needs for it: `list` on the watched kinds, and on horizontalpodautoscalers, in all namespaces. A kind that
may not be listed is left out, and the log says so once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.errors import Forbidden, NotFound
from shared.model.changes import Sighting, Workload
from shared.model.heartbeats import SeenWorkload
from shared.model.orders import Target
from shared.ports.kubernetes import KubernetesApi
from shared.rules import sides
from shared.services.ledger import stamp
from shared.services.subscriber.letters import Letters
from shared.services.subscriber.showing import Showing

_log = logging.getLogger("litmus_gitops.subscriber")
AUTOSCALERS: Final = "autoscaling/v2/horizontalpodautoscalers"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lookout:
    """One look: a heartbeat with every opted-in workload of `kinds` (kind → resource), then those asked for, sealed.

    `first` is done before it: what a review told is told by it, with who did it, where it still waits.
    """

    api: KubernetesApi
    letters: Letters
    showing: Showing
    kinds: Mapping[str, str]
    first: Callable[[], None]
    _hidden: set[str] = field(default_factory=set)

    def __call__(self) -> None:
        """Look, tell, and show what the portal asks for."""
        self.first()
        found = {kind: objects for kind in self.kinds if (objects := self._listed(kind)) is not None}
        seen = {_target(kind, obj): obj for kind, objects in found.items() for obj in objects}
        wanted = self.letters.heartbeat([self._seen(target, obj) for target, obj in seen.items()], tuple(found))
        asked = {target: seen[target] for target in wanted if target in seen}
        if asked:
            scaled = self._autoscaled()
            self.showing(self._sighting(target, obj, scaled) for target, obj in asked.items())

    def _sighting(self, target: Target, obj: Json, scaled: frozenset[Target]) -> Sighting:
        workload = Workload("", target.kind, target.namespace, target.name)
        new, at = self.showing.sight(obj), stamp(self.letters.clock)
        return Sighting(
            self.letters.ids(), "heartbeat", "UPDATE", workload, "", at, new=new, autoscaled=target in scaled
        )

    def _listed(self, kind: str) -> list[Json] | None:
        """Return a kind's opted-in objects, None where they may not be listed or the kind is not served."""
        try:
            objects = self.api.list(self.kinds[kind])
        except (Forbidden, NotFound) as error:
            self._complain(kind, str(error))
            return None
        self._hidden.discard(kind)
        return [obj for obj in objects if self.showing.sight(obj).watched]

    def _seen(self, target: Target, obj: Json) -> SeenWorkload:
        seen = self.showing.sight(obj)
        return SeenWorkload(
            target.kind, target.namespace, target.name, seen.uid, seen.digest, seen.generation, sides.marks(seen)
        )

    def _autoscaled(self) -> frozenset[Target]:
        try:
            found = self.api.list(AUTOSCALERS)
        except (Forbidden, NotFound) as error:
            self._complain(AUTOSCALERS, str(error))
            return frozenset()
        return frozenset(_scaled(one) for one in found)

    def _complain(self, kind: str, why: str) -> None:
        if kind not in self._hidden:
            self._hidden.add(kind)
            _log.warning("not listed: a lost webhook is not noticed there", extra={"kind": kind, "reason": why})


def _target(kind: str, obj: Json) -> Target:
    return Target(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _scaled(autoscaler: Json) -> Target:
    named = autoscaler["spec"]["scaleTargetRef"]
    return Target(named.get("kind", ""), autoscaler["metadata"].get("namespace", ""), named.get("name", ""))
