"""Lists the cluster's opted-in workloads, so that a change whose webhook was lost still reaches the portal.

What the role needs for it: `list` on the watched kinds, and on horizontalpodautoscalers, in all namespaces. A kind that
may not be listed is left out, and the log says so once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.errors import Forbidden, NotFound
from shared.model.heartbeats import SeenWorkload
from shared.model.orders import Target
from shared.ports import KubernetesApi
from shared.rules import sides
from shared.rules.digests import side
from shared.services.subscriber.letters import Letters

_log = logging.getLogger("litmus_gitops.subscriber")
AUTOSCALERS: Final = "autoscaling/v2/horizontalpodautoscalers"
Json = dict[str, Any]
Listing = tuple[dict[str, list[Json]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lookout:
    """One look: a heartbeat with every opted-in workload of `kinds` (kind → resource), then those asked for, whole.

    `key` seals digests of sensitive values; a letter holds about `size` bytes of objects.
    """

    api: KubernetesApi
    letters: Letters
    kinds: Mapping[str, str]
    key: bytes
    size: int = 4 << 20
    _hidden: set[str] = field(default_factory=set)

    def __call__(self) -> None:
        """Look, tell, and show what the portal asks for."""
        found = {kind: objects for kind in self.kinds if (objects := self._listed(kind)) is not None}
        seen = {_target(kind, obj): obj for kind, objects in found.items() for obj in objects}
        wanted = self.letters.heartbeat([self._seen(target, obj) for target, obj in seen.items()], tuple(found))
        asked = [seen[target] for target in wanted if target in seen]
        scaled = self._autoscaled() if asked else frozenset()
        for part in _parts(asked, self.size):
            self.letters.show((obj, _target(str(obj["kind"]), obj) in scaled) for obj in part)

    def _listed(self, kind: str) -> list[Json] | None:
        """Return a kind's opted-in objects, None where they may not be listed or the kind is not served."""
        try:
            objects = self.api.list(self.kinds[kind])
        except (Forbidden, NotFound) as error:
            self._complain(kind, str(error))
            return None
        self._hidden.discard(kind)
        return [obj for obj in objects if side(obj, self.key).watched]

    def _seen(self, target: Target, obj: Json) -> SeenWorkload:
        seen = side(obj, self.key)
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


def _parts(objects: Sequence[Json], size: int) -> Iterator[list[Json]]:
    """Yield the objects in parts of about `size` bytes as JSON."""
    part: list[Json] = []
    left = size
    for obj in objects:
        left -= len(json.dumps(obj))
        if part and left < 0:
            yield part
            part, left = [], size - len(json.dumps(obj))
        part.append(obj)
    if part:
        yield part
