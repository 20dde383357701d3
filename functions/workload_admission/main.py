"""Answers the API server's admission reviews, always allowed, and keeps what they tell, and decides on it.

Sightings that a subscriber tells of, by its own reviews or since its heartbeat told of something new, come here too.
"""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.admission import Admission
from shared.services.heartbeats import Heartbeats
from shared.services.inbox import Inbox
from shared.services.intake import Intake
from shared.services.sightings import Sightings
from shared.services.turns import Turns
from shared.services.watching import Watch
from shared.settings import Watching
from shared.wire import admission
from shared.wire.sightings import LIMIT

settings = Watching.read()
state = settings.state
store = open_store(*state.store)
watch = Watch(store, utc_now, state.master_key)
turns = Turns(Sightings(watch, new_id, frozenset(settings.kinds)), count)
reviews = Admission(watch, turns, count, Intake(store))
json = ("application/json",)
workload_admission = function(
    Route("POST", "/admission/{cluster}/{token}", reviews.admit, json, admission.LIMIT),
    Route("POST", "/changes/{cluster}", Heartbeats(watch, turns, count).receive, json, LIMIT),
    Route("POST", "/internal/workload_admission", Inbox(internal_key(state.master_key), utc_now, turns.actions)),
    ready=answers(store),
)
