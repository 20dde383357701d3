"""Takes deliveries from git hosts and asks for a sync, or for a look at a pull request."""

from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, open_store, utc_now
from shared.clients.readiness import answers
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Route
from shared.services.pushes import Pushes
from shared.settings import GitPush

LIMIT = 25 << 20
"""GitHub sends at most 25 MB."""

settings = GitPush.read()
store = open_store(*settings.state.store)
pushes = Pushes(
    store=store,
    secrets=open_secrets(settings.state.secrets_dir),
    clock=utc_now,
    ids=new_id,
    count=count,
)
deliveries = Route("POST", "/git/{project}", pushes.receive, media=("application/json",), limit=LIMIT)
git_push = function(deliveries, ready=answers(store))
