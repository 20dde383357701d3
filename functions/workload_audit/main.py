"""Takes the workload changes that audit events tell of, from the API server or from a managed cluster's log."""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.changes import BATCH_LIMIT, Changes
from shared.services.sightings import Sightings
from shared.services.watching import Watch
from shared.settings import Watching

MEDIA = ("application/json", "application/cloudevents+json")
settings = Watching.read()
watch = Watch(open_store(*settings.state.store), utc_now, settings.state.master_key)
changes = Changes(watch, Sightings(watch, new_id, frozenset(settings.kinds)), count)
workload_audit = function(Route("POST", "/audit/{cluster}/{token}", changes.hear, MEDIA, BATCH_LIMIT))
