"""Answers the API server's admission reviews, always allowed, and takes the workload changes that they tell of.

Sightings that a subscriber tells of, by its own reviews or since its heartbeat told of something new, come here too.
"""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.changes import Changes
from shared.services.heartbeats import Heartbeats
from shared.services.sightings import Sightings
from shared.services.watching import Watch
from shared.settings import Watching
from shared.wire import admission
from shared.wire.sightings import LIMIT

settings = Watching.read()
store = open_store(*settings.state.store)
watch = Watch(store, utc_now, settings.state.master_key)
sightings = Sightings(watch, new_id, frozenset(settings.kinds))
json = ("application/json",)
workload_admission = function(
    Route("POST", "/admission/{cluster}/{token}", Changes(watch, sightings, count).admit, json, admission.LIMIT),
    Route("POST", "/changes/{cluster}", Heartbeats(watch, sightings, count).receive, json, LIMIT),
    ready=answers(store),
)
