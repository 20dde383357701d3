"""Which secrets of a cluster count now: those of its version, and for a grace those that rotation replaced.

Nothing else says so: whoever signs, verifies or seals for a cluster asks here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.errors import Conflict
from shared.model.projects import Cluster, Former
from shared.model.times import written

MOST: Final = 4
"""Former versions that may count at a time: each costs a comparison a call, and a signature an order."""


def former(cluster: Cluster, now: datetime) -> tuple[Former, ...]:
    """Return the versions that rotation replaced and that count still, newest first."""
    return tuple(one for one in cluster.former if now < datetime.fromisoformat(one.until))


def versions(cluster: Cluster | None, now: datetime) -> tuple[int, ...]:
    """Return the versions whose secrets count, newest first.

    Of no cluster it is 0, which none ever has: to look for its secrets takes as long as for those of one.
    """
    if cluster is None:
        return (0,)
    return (cluster.version, *(one.version for one in former(cluster, now)))


def rotated(cluster: Cluster, grace: float, now: datetime) -> Cluster:
    """Return the cluster with secrets of the next version; none before it counts for longer than `grace` seconds.

    Raises `Conflict` where `MOST` former versions count already and would go on to.
    """
    until = written(now + timedelta(seconds=grace))
    replaced = (Former(cluster.version, until), *former(cluster, now))
    kept = tuple(msgspec.structs.replace(one, until=min(one.until, until)) for one in replaced)
    raised = msgspec.structs.replace(
        cluster, version=cluster.version + 1, former=kept, registration=cluster.registered_as
    )
    if len(former(raised, now)) > MOST:
        raise Conflict(
            f"{MOST} former secrets of cluster {cluster.id} count still, the first until {kept[-1].until}: "
            "end their grace first, or rotate without one"
        )
    return msgspec.structs.replace(raised, former=former(raised, now))


def settled(cluster: Cluster) -> Cluster:
    """Return the cluster with no secrets but the newest."""
    return msgspec.structs.replace(cluster, former=())
