"""Takes the workload changes that audit events tell of, from the API server or from a managed cluster's log."""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.audit import BATCH_LIMIT, Audit
from shared.services.sightings import Sightings
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.settings import Watching

MEDIA = ("application/json", "application/cloudevents+json")
settings = Watching.read()
store = open_store(*settings.state.store)
watch = Watch(store, utc_now, settings.state.master_key)
turns = Turns(Sightings(watch, new_id, frozenset(settings.kinds)), count)
events = Route("POST", "/audit/{cluster}/{token}", Audit(watch, turns, count).hear, MEDIA, BATCH_LIMIT)
workload_audit = function(events, ready=answers(store))
