"""Turns triggers, pushes and schedules into orders for clusters, and brings them there: by POST, or when asked."""

from shared.clients.chaoscenter import HttpChaosCenters
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.prometheus import HttpMonitors
from shared.clients.readiness import answers
from shared.clients.subscribers import HttpSubscribers
from shared.edge.functions import function
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.centering import Centering
from shared.services.conditions import Conditions
from shared.services.delivering import Delivering
from shared.services.dispatching import Dispatching
from shared.services.inbox import Inbox
from shared.services.lanes import Lanes
from shared.services.overseeing import Overseeing
from shared.services.polling import Polling
from shared.services.repositories import Repositories
from shared.settings import Dispatch

settings = Dispatch.read()
state, local = settings.state, settings.allow_local
store, secrets = open_store(*state.store), open_secrets(state.secrets_dir)
repositories = Repositories(Remotes(proxies=settings.proxies), Hosts(settings.proxies), secrets, local)
conditions = Conditions(secrets, HttpMonitors(allow_local=local), utc_now, allow_local=local)
dispatching = Dispatching(store, repositories, utc_now, new_id, conditions)
lanes, subscribers = Lanes(*settings.bounds), HttpSubscribers(allow_local=local)
delivering = Delivering(store, subscribers, utc_now, new_id, state.master_key, conditions, lanes)
centering = Centering(store, HttpChaosCenters(allow_local=local), secrets, utc_now, new_id, conditions)
actions = {"watch": Overseeing(store, utc_now, new_id, conditions).watch, "center": centering.look}
actions |= {**dispatching.actions, **delivering.actions}
dispatch = function(
    Route("GET", "/orders/{cluster}", Polling(store, utc_now, new_id, state.master_key, conditions).poll),
    Route("POST", "/internal/dispatch", Inbox(internal_key(state.master_key), utc_now, actions)),
    ready=answers(store),
)
