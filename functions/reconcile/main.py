"""Heals what can lag: missed pushes, pending edits, orders that wait."""

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.healing import Healing
from shared.services.hook_records import HookRecords
from shared.services.hook_secrets import HookSecrets
from shared.services.hooks import Hooks
from shared.services.inbox import Inbox
from shared.services.leases import Leases
from shared.services.pull_watch import PullWatch
from shared.services.reconciling import Reconciler
from shared.services.repositories import Repositories
from shared.services.texts import Texts
from shared.settings import Reconcile

settings = Reconcile.read()
remotes, hosts = Remotes(proxies=settings.proxies), Hosts(settings.proxies)
repositories = Repositories(remotes, hosts, open_secrets(settings.state.secrets_dir), settings.allow_local)
store = open_store(*settings.state.store)
reconciler = Reconciler(store, repositories, utc_now, new_id)
hooks = Hooks(HookRecords(store, utc_now, new_id), repositories, Leases(store, utc_now), settings.public_url)
actions = {
    "tick": reconciler.tick,
    "project": reconciler.look_after,
    "texts": Texts(store, utc_now).look,
    "pulls": PullWatch(store, repositories, utc_now, new_id).look_after,
    "webhook": Healing(hooks, HookSecrets(hooks)).look,
}
inbox = Inbox(internal_key(settings.state.master_key), utc_now, actions)
reconcile = function(Route("POST", "/internal/reconcile", inbox), ready=answers(store))
