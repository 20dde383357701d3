"""Tells the commits that a changed workload names what safety kept from starting, since they wait for a word."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.statuses import Concern
from shared.ports.ambient import Ids
from shared.ports.state import Store
from shared.rules.verdicts import SAID
from shared.services.concerns import bearing, commits_of
from shared.services.tables import CONCERNS, EVENTS


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals that were decided as the change came; later ones are told by whoever makes no order."""

    store: Store
    ids: Ids

    def tell(self, message: Message) -> None:
        """Make the refusals of a change count for its commits (message `sync/refused`); what ran before stays told."""
        project = message.ids["project"]
        event = EVENTS.load(self.store, project, "change", message.ids["change"])
        if event is None:
            return
        for experiment, refusal in event.value.detail.get("refused", {}).items():
            if refusal["rule"] in SAID:
                self._tell(project, event.value, experiment, refusal["reason"])

    def _tell(self, project: str, event: Event, experiment: str, reason: str) -> None:
        cluster = event.detail["cluster"]
        concern = Concern(experiment, event.at, cluster, event.subject, verdict="refused", reason=reason)
        named = commits_of(event.detail.get("commits", ()))
        places = {commit: CONCERNS.key(project, commit, concern.key) for commit in named}
        known = self.store.get_many(list(places.values())) if places else {}
        fresh = [commit for commit, place in places.items() if place not in known]
        self.store.commit(*bearing(self.store, self.ids, project, fresh, concern))
