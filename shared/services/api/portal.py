"""All of the API put together, with its own description and the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from shared.model.calls import Answer, Route
from shared.ports.peers import ChaosCenter
from shared.ports.state import Queue
from shared.services.api import page
from shared.services.api.clusters import Clusters
from shared.services.api.conflicts import ConflictDesk
from shared.services.api.credentials import Credentials
from shared.services.api.desk import Desk
from shared.services.api.events import Events
from shared.services.api.experiments import Experiments
from shared.services.api.exports import Exporting
from shared.services.api.history import History
from shared.services.api.hooks import Webhooks
from shared.services.api.infra_ids import InfraIds
from shared.services.api.letters import Letters
from shared.services.api.openapi import PATH, describe
from shared.services.api.operations import JSON, Operation, routes
from shared.services.api.policies import Policies
from shared.services.api.projects import Projects
from shared.services.api.rotating import Rotating
from shared.services.api.runs import Runs
from shared.services.api.safety import SafetyRules
from shared.services.api.sinks import SinkDesk
from shared.services.api.stop_conditions import StopConditions
from shared.services.conditions import Conditions
from shared.services.conflicts import Conflicts
from shared.services.dispatching import Dispatching
from shared.services.edits import Edits
from shared.services.exports import Exports
from shared.services.hooks import Hooks
from shared.services.notifying import Notifying
from shared.services.releasing import Releasing

QUERY: Final = "/api/query"
"""The one path below /api that is not the owner's: Litmus' event trackers speak GraphQL there, with their own keys."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the portal puts before people."""

    desk: Desk
    edits: Edits
    exports: Exports
    dispatching: Dispatching
    releasing: Releasing
    queue: Queue
    hooks: Hooks
    conditions: Conditions
    center: ChaosCenter | None = None


def portal_routes(services: Services, admin_token: str) -> list[Route]:
    """Return every route of the portal: `/api/…` for the owner, the page and the description for everyone."""
    desk = services.desk
    operations = [
        *Projects(desk).operations(),
        *Experiments(desk, services.edits).operations(),
        *ConflictDesk(desk, Conflicts(desk.store, services.edits)).operations(),
        *Clusters(desk).operations(),
        *Rotating(desk).operations(),
        *Exporting(desk, services.exports).operations(),
        *InfraIds(desk).operations(),
        *Policies(desk).operations(),
        *Runs(desk, services.dispatching).operations(),
        *History(desk).operations(),
        *Events(desk).operations(),
        *SafetyRules(desk, services.releasing).operations(),
        *StopConditions(desk, services.conditions).operations(),
        *SinkDesk(desk).operations(),
        *Letters(services.queue, desk.store).operations(),
        *Webhooks(services.hooks).operations(),
        *Credentials(desk, services.hooks.repositories).operations(),
    ]
    return [*routes(operations, admin_token), _description(operations), _query(services), *page.routes()]


def _query(services: Services) -> Route:
    """Return the route that clusters' event trackers call, each with an access key of its own."""
    desk = services.desk
    notifying = Notifying(desk.store, services.dispatching, desk.clock, desk.ids, desk.master, center=services.center)
    return Route("POST", QUERY, notifying.receive, (JSON,))


def _description(operations: list[Operation]) -> Route:
    document = cache(lambda: describe(operations, _version()))
    return Route("GET", PATH, lambda _: Answer(200, document()))


def _version() -> str:
    try:
        return version("litmus-gitops")
    except PackageNotFoundError:
        return "0"
