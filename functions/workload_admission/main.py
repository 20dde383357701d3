"""Answers the API server's admission reviews, always allowed, and takes the workload changes that they tell of."""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.changes import REVIEW_LIMIT, Changes
from shared.services.sightings import Sightings
from shared.services.watching import Watch
from shared.settings import Watching

settings = Watching.read()
watch = Watch(open_store(settings.state.store_url), utc_now, settings.state.master_key)
changes = Changes(watch, Sightings(watch, new_id, frozenset(settings.kinds)), count)
workload_admission = function(
    Route("POST", "/admission/{cluster}/{token}", changes.admit, ("application/json",), REVIEW_LIMIT)
)
