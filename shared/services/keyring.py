"""The secrets of clusters in use: the newest signs and is told; those of a grace prove who calls as well."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.errors import LitmusGitopsError, Unauthenticated
from shared.model.calls import Call
from shared.model.projects import Cluster, FormerUse
from shared.ports.ambient import Clock
from shared.ports.state import Store
from shared.rules.keys import SUBSCRIBER, matching, subscriber_key, token
from shared.rules.rotation import former, versions
from shared.services.ledger import stamp
from shared.services.tables import CLUSTERS, FORMER_USES
from shared.wire.standard_webhooks import verify_by

_ANEW: Final = timedelta(minutes=1)
"""How long the last use of a former secret is old enough to be noted again."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Derives the secrets that count now, and notes each use of a former one for whoever waits for its end."""

    store: Store
    clock: Clock
    master: bytes

    def signing(self, cluster: Cluster) -> tuple[bytes, ...]:
        """Return the keys that sign what goes to a cluster's subscriber, newest first: it may hold any one of them."""
        return tuple(subscriber_key(self.master, cluster.id, one) for one in versions(cluster, self.clock()))

    def verified(self, call: Call) -> tuple[Cluster, str]:
        """Return the cluster of the path, and the id of the message, once its subscriber is proved to have signed it.

        An unknown cluster is answered like a wrong signature, so that ids cannot be tried out.
        """
        name = call.params["cluster"]
        found = CLUSTERS.load(self.store, name)
        cluster = found.value if found else None
        known = versions(cluster, self.clock())
        keys = [subscriber_key(self.master, name, one) for one in known]
        asked, place = verify_by(keys, call.headers, call.body, self.clock().timestamp())
        if cluster is None:
            raise Unauthenticated("no such cluster: register it, and sign with the secret that it answers")
        self._used(cluster, SUBSCRIBER, known[place])
        return cluster, asked

    def opens(self, cluster: Cluster | None, purpose: str, name: str, given: str) -> bool:
        """Whether this token counts for the purpose and the cluster; none does where there is no such cluster."""
        known = versions(cluster, self.clock())
        place = matching([token(self.master, purpose, name, one) for one in known], given)
        if cluster is None or place is None:
            return False
        self._used(cluster, purpose, known[place])
        return True

    def uses(self, cluster: Cluster) -> dict[str, str]:
        """Return when secrets that count only by a grace were last used, by purpose (RFC 3339 UTC)."""
        counted = {one.version for one in former(cluster, self.clock())}
        rows = self.store.query(FORMER_USES.partition(cluster.id)) if counted else []
        found = {row.key.sort: FORMER_USES.read(row).value for row in rows}
        return {purpose: use.at for purpose, use in found.items() if use.version in counted}

    def _used(self, cluster: Cluster, purpose: str, version: int) -> None:
        """Note the use of a former secret, once a minute: losing a note is no reason to lose a call."""
        if version != cluster.version:
            with suppress(LitmusGitopsError):
                self._note(cluster, purpose, version)

    def _note(self, cluster: Cluster, purpose: str, version: int) -> None:
        was = FORMER_USES.load_or(self.store, FormerUse(version, ""), cluster.id, purpose)
        at = was.value.at
        if not at or was.value.version != version or self.clock() - datetime.fromisoformat(at) >= _ANEW:
            self.store.commit([FORMER_USES.replace(was, FormerUse(version, stamp(self.clock)))])
