"""Takes what subscribers report, scores runs that ended, sets going what waited for them, and hears heartbeats."""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.heartbeats import Heartbeats
from shared.services.reporting import Reporting
from shared.services.sightings import Sightings
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.settings import Watching
from shared.wire.reports import LIMIT

settings = Watching.read()
store = open_store(*settings.state.store)
watch = Watch(store, utc_now, settings.state.master_key)
turns = Turns(Sightings(watch, new_id, frozenset(settings.kinds)), count)
reporting = Reporting(store, utc_now, new_id, settings.state.master_key, Heartbeats(watch, turns, count))
reports = Route("POST", "/reports/{cluster}", reporting.receive, ("application/json",), LIMIT)
run_report = function(reports, ready=answers(store))
