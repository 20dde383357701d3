"""Heartbeats: a subscriber says that it is alive, what it can do, and which workloads it sees."""

from __future__ import annotations

import msgspec

from shared.model.changes import subject_of


class SeenWorkload(msgspec.Struct, frozen=True):
    """A watched object as a heartbeat lists it, without its body: `marks` digests its annotations and labels."""

    kind: str
    namespace: str
    name: str
    uid: str
    digest: str
    generation: int | None = None
    marks: str = ""

    @property
    def subject(self) -> str:
        """The ledger's name of it, `<Kind>/<namespace>/<name>`."""
        return subject_of(self.kind, self.namespace, self.name)


class Asked(msgspec.Struct, frozen=True):
    """Keys (JMESPath) of policies that a portal wants evaluated in the cluster, since objects leave it sealed.

    Of what `plain` keys find the portal compares the value; of `moved` ones only whether it is another one than before.
    """

    plain: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


class Heartbeat(msgspec.Struct, frozen=True):
    """`at` is RFC 3339 UTC by the subscriber's clock, `version` the subscriber's own.

    `listed` are the kinds of which `workloads` holds every opted-in object of the cluster, so that what is missing
    there is gone.
    """

    at: str
    version: str = ""
    capabilities: tuple[str, ...] = ()
    workloads: tuple[SeenWorkload, ...] = ()
    listed: tuple[str, ...] = ()
