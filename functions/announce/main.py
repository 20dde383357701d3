"""Tells a project's sinks what happened, as CloudEvents or as signed webhooks."""

from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.readiness import answers
from shared.clients.sinks import HttpSinks
from shared.edge.functions import function
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.announcing import Announcing
from shared.services.inbox import Inbox
from shared.settings import Announce

settings = Announce.read()
state, local = settings.state, settings.allow_local
store, secrets = open_store(*state.store), open_secrets(state.secrets_dir)
announcing = Announcing(store, secrets, HttpSinks(allow_local=local), utc_now, settings.public_url, local)
actions = {"event": announcing.event, "sink": announcing.sink}
inbox = Inbox(internal_key(state.master_key), utc_now, actions)
announce = function(Route("POST", "/internal/announce", inbox), ready=answers(store))
