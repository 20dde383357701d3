"""What leaves the cluster of its workloads: sightings, sealed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.errors import BadInput, Unavailable
from shared.model.changes import Side, Sighting
from shared.model.heartbeats import Asked
from shared.rules.digests import side
from shared.rules.sealing import sealed
from shared.services.subscriber.letters import Letters
from shared.wire.sightings import parted, write_sighting, write_sightings

_log = logging.getLogger("litmus_gitops.subscriber")


@dataclass(frozen=True, slots=True)
class Showing:
    """Seals sightings under `key` and shows them to the portal, about `size` bytes at a time."""

    letters: Letters
    key: bytes
    size: int = 4 << 20

    def sight(self, obj: dict[str, Any]) -> Side:
        """Return one side of an object, not sealed yet, so that it must not leave."""
        return side(obj, self.key)

    def __call__(self, sightings: Iterable[Sighting]) -> int:
        """Show them; returns how many the portal will never take, raises what trying again may mend."""
        asked = self._asked()
        written = [self._written(one, asked) for one in sightings]
        parts = parted([one for one in written if one], self.size)
        return written.count(b"") + sum(map(self._refused, parts))

    def _refused(self, part: Sequence[bytes]) -> int:
        """Send a part, one by one where not all of it is taken, and return how many were refused."""
        try:
            self.letters.show(write_sightings(part))
        except BadInput as error:
            if len(part) > 1:
                return sum(self._refused([one]) for one in part)
            _log.warning("a sighting was refused", extra={"reason": str(error)})
            return 1
        return 0

    def _asked(self) -> Asked:
        """Return which keys the portal asks for; without that, conditions would be unknown for no reason."""
        if self.letters.asks.last is None:
            self.letters.alive()
        if self.letters.asks.last is None:
            raise Unavailable("the portal does not know sealed objects: upgrade it; nothing of a workload leaves plain")
        return self.letters.asks.last

    def _written(self, sighting: Sighting, asked: Asked) -> bytes:
        """Return it sealed and written, empty if it is nested too deeply for that."""
        try:
            old, new = (one and sealed(one, self.key, asked) for one in (sighting.old, sighting.new))
            return write_sighting(msgspec.structs.replace(sighting, old=old, new=new))
        except RecursionError:
            _log.warning("an object is nested too deeply", extra={"workload": sighting.workload.subject})
            return b""
