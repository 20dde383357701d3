"""Who calls: a subscriber proves which cluster it is by a signature with that cluster's own key."""

from __future__ import annotations

from shared.errors import Unauthenticated
from shared.model.calls import Call
from shared.model.projects import Cluster
from shared.ports import Clock, Store
from shared.rules.keys import subscriber_key
from shared.services.tables import CLUSTERS
from shared.wire.standard_webhooks import verify


def verified(store: Store, master: bytes, clock: Clock, call: Call) -> tuple[Cluster, str]:
    """Return the cluster of the path, and the id of the message, once its subscriber is proved to have signed it.

    An unknown cluster is answered like a wrong signature, so that ids cannot be tried out.
    """
    found = CLUSTERS.load(store, call.params["cluster"])
    version = found.value.version if found else 0
    key = subscriber_key(master, call.params["cluster"], version)
    asked = verify([key], call.headers, call.body, clock().timestamp())
    if found is None:
        raise Unauthenticated("webhook-signature does not match: sender and receiver hold different secrets")
    return found.value, asked
