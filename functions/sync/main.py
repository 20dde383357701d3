"""Makes a project's portal equal to git, and brings edits and results into git."""

from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.model.calls import Route
from shared.rules.keys import internal_key
from shared.services.edits import Edits
from shared.services.inbox import Inbox
from shared.services.leases import Leases
from shared.services.notes import Notes
from shared.services.proposals import Proposals
from shared.services.pulls import Pulls
from shared.services.refusals import Refusals
from shared.services.repositories import Repositories
from shared.services.statuses import Statuses
from shared.services.syncs import Syncs
from shared.settings import Sync

settings = Sync.read()
store = open_store(*settings.state.store)
remotes, hosts = Remotes(proxies=settings.proxies), Hosts(settings.proxies)
repositories = Repositories(remotes, hosts, open_secrets(settings.state.secrets_dir), settings.allow_local)
statuses = Statuses(store, repositories, utc_now, new_id, settings.public_url)
actions = {
    "project": Syncs(store, repositories, Leases(store, utc_now), utc_now, new_id).sync_project,
    "edit": Edits(store, repositories, utc_now, new_id).send_edit,
    "proposal": Proposals(store, repositories, utc_now, new_id).follow,
    "note": Notes(store, repositories, utc_now, new_id).note_run,
    "pull": Pulls(store, repositories, statuses, utc_now, new_id).look_at,
    "status": statuses.tell,
    "refused": Refusals(store, new_id).tell,
}
inbox = Inbox(internal_key(settings.state.master_key), utc_now, actions)
sync = function(Route("POST", "/internal/sync", inbox), ready=answers(store))
