"""Serves the API and the page, and takes the word of Litmus' own event trackers."""

from shared.clients.center import ChaosCenter
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_queue, open_secrets, open_store, utc_now
from shared.edge.functions import function
from shared.model.calls import Route
from shared.services.api.desk import Desk
from shared.services.api.portal import Services, portal_routes
from shared.services.dispatching import Dispatching
from shared.services.edits import Edits
from shared.services.notifying import Notifying
from shared.services.releasing import Releasing
from shared.services.repositories import Repositories
from shared.settings import Portal

settings = Portal.read()
state = settings.state
store = open_store(state.store_url)
repositories = Repositories(Remotes(), Hosts(), open_secrets(state.secrets_dir), settings.allow_local)
dispatching = Dispatching(store, repositories, utc_now, new_id)
services = Services(
    desk=Desk(store, utc_now, new_id, state.master_key, settings.public_url, settings.allow_local),
    edits=Edits(store, repositories, utc_now, new_id),
    dispatching=dispatching,
    releasing=Releasing(store, utc_now, new_id),
    queue=open_queue(state.store_url),
)
center = ChaosCenter(settings.chaoscenter_url) if settings.chaoscenter_url else None
notifying = Notifying(store, dispatching, utc_now, new_id, state.master_key, center)
query = Route("POST", "/api/query", notifying.receive, ("application/json",))
portal = function(query, *portal_routes(services, settings.admin_token))
