"""All of the API over one project with an experiment, a cluster, a run and a ledger."""

from __future__ import annotations

from dataclasses import dataclass

from shared.clients.ids import new_id
from shared.model.calls import Route
from shared.services.api.desk import Desk
from shared.services.api.portal import Services, portal_routes
from shared.services.edits import Edits
from shared.services.exports import Exports
from shared.services.hook_records import HookRecords
from shared.services.hooks import Hooks
from shared.services.leases import Leases
from tests.services.api.conftest import TOKEN, Api, caller
from tests.services.dispatch_parts import MASTER
from tests.services.dispatch_stage import Stage


@dataclass
class Whole:
    """Every route, and who calls it."""

    routes: list[Route]
    call: Api
    stage: Stage


def whole(stage: Stage) -> Whole:
    """Return the portal of a stage in which something has happened."""
    repositories, clock = stage.dispatching.repositories, stage.clock
    desk = Desk(stage.store, clock, new_id, MASTER, "https://portal.example.org", allow_local=True)
    edits = Edits(stage.store, repositories, clock, new_id)
    exports = Exports(stage.store, repositories, clock, new_id)
    hooks = Hooks(HookRecords(stage.store, clock, new_id), repositories, Leases(stage.store, clock), desk.public_url)
    services = Services(
        desk, edits, exports, stage.dispatching, stage.releasing, stage.queue, hooks, stage.overseeing.conditions
    )
    routes = portal_routes(services, TOKEN)
    stage.change()
    stage.pump()
    return Whole(routes, caller(routes), stage)
