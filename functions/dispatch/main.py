"""Turns triggers, pushes and schedules into orders for clusters, and brings them there: by POST, or when asked."""

import time

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.subscribers import HttpSubscribers
from shared.edge.functions import function
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.delivering import Delivering
from shared.services.dispatching import Dispatching
from shared.services.inbox import Inbox
from shared.services.lanes import Lanes
from shared.services.polling import Polling
from shared.services.repositories import Repositories
from shared.settings import Dispatch

settings = Dispatch.read()
state = settings.state
store = open_store(state.store_url)
remotes, hosts = Remotes(proxies=settings.proxies), Hosts(settings.proxies)
repositories = Repositories(remotes, hosts, open_secrets(state.secrets_dir), settings.allow_local)
dispatching = Dispatching(store, repositories, utc_now, new_id)
subscribers = HttpSubscribers(allow_local=settings.allow_local)
delivering = Delivering(store, subscribers, utc_now, new_id, state.master_key, Lanes(*settings.bounds))
polling = Polling(store, utc_now, new_id, state.master_key, time.sleep)
actions = {"change": dispatching.change, "push": dispatching.push, "schedule": dispatching.schedule}
actions |= delivering.actions
dispatch = function(
    Route("GET", "/orders/{cluster}", polling.poll),
    Route("POST", "/internal/dispatch", Inbox(internal_key(state.master_key), utc_now, actions)),
)
