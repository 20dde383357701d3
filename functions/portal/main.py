"""Serves the API and the page, and takes the word of Litmus' own event trackers."""

from shared.clients.center import open_center
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_queue, open_secrets, open_store, utc_now
from shared.clients.prometheus import HttpMonitors
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.services.api.desk import Desk
from shared.services.api.portal import Services, portal_routes
from shared.services.conditions import Conditions
from shared.services.dispatching import Dispatching
from shared.services.edits import Edits
from shared.services.exports import Exports
from shared.services.hook_records import HookRecords
from shared.services.hooks import Hooks
from shared.services.leases import Leases
from shared.services.releasing import Releasing
from shared.services.repositories import Repositories
from shared.settings import Portal

settings = Portal.read()
state, local = settings.state, settings.allow_local
store, secrets = open_store(*state.store), open_secrets(state.secrets_dir)
repositories = Repositories(Remotes(proxies=settings.proxies), Hosts(settings.proxies), secrets, local)
conditions = Conditions(secrets, HttpMonitors(allow_local=local), utc_now, allow_local=local)
services = Services(
    desk=Desk(store, utc_now, new_id, state.master_key, settings.public_url, local),
    edits=Edits(store, repositories, utc_now, new_id),
    exports=Exports(store, repositories, utc_now, new_id),
    dispatching=Dispatching(store, repositories, utc_now, new_id, conditions),
    releasing=Releasing(store, utc_now, new_id),
    queue=open_queue(state.store_url),
    hooks=Hooks(HookRecords(store, utc_now, new_id), repositories, Leases(store, utc_now), settings.public_url),
    conditions=conditions,
    center=open_center(settings.chaoscenter_url),
)
portal = function(*portal_routes(services, settings.admin_token), ready=answers(store))
