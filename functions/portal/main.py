"""Serves the API and the page."""

from shared.clients.ids import new_id
from shared.clients.opening import open_git, open_secrets, open_store, utc_now
from shared.edge.functions import function
from shared.services.api.desk import Desk
from shared.services.api.portal import portal_routes
from shared.services.dispatching import Dispatching
from shared.services.edits import Edits
from shared.services.repositories import Repositories
from shared.settings import Portal

settings = Portal.read()
store = open_store(settings.state.store_url)
repositories = Repositories(open_git, open_secrets(settings.state.secrets_dir), settings.allow_local)
desk = Desk(store, utc_now, new_id, settings.state.master_key, settings.public_url, settings.allow_local)
portal = function(
    *portal_routes(
        desk,
        Edits(store, repositories, utc_now, new_id),
        Dispatching(store, repositories, utc_now, new_id),
        settings.admin_token,
    )
)
