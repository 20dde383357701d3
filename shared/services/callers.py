"""Who calls: a subscriber proves which cluster it is by a signature with that cluster's own key."""

from __future__ import annotations

from shared.model.calls import Call
from shared.model.projects import Cluster
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.keys import subscriber_key
from shared.services.tables import CLUSTERS
from shared.wire.standard_webhooks import verify


def verified(store: Store, master: bytes, clock: Clock, call: Call) -> tuple[Cluster, str]:
    """Return the cluster of the path, and the id of the message, once its subscriber is proved to have signed it.

    An unknown cluster is answered like a wrong signature, so that ids cannot be tried out.
    """
    found = CLUSTERS.load(store, call.params["cluster"])
    keys = [subscriber_key(master, found.value.id, found.value.version)] if found else []
    asked = verify(keys, call.headers, call.body, clock().timestamp())
    assert found, "without a key nothing is verified"
    return found.value, asked
