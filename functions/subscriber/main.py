"""Carries a cluster's orders out: proves, waits, checks, creates, watches and reports; tells of workload changes."""

import os

from shared.clients.ids import new_id
from shared.clients.kubernetes import open_kubernetes
from shared.clients.opening import utc_now
from shared.clients.portal import HttpPortal
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.rules.permits import Permits
from shared.rules.tickets import Limits
from shared.services.subscriber.desk import Pace
from shared.services.subscriber.service import Options, assemble
from shared.settings import Subscriber

settings = Subscriber.read()
options = Options(
    cluster=settings.cluster,
    secrets=tuple(settings.secret.split()),
    namespace=settings.namespace,
    chaos_namespace=settings.chaos_namespace,
    poll=settings.poll,
    heartbeat=settings.heartbeat,
    lookout=settings.lookout,
    watched=settings.kinds,
    pace=Pace(look=settings.look),
    permits=Permits(
        settings.allowed_kinds, settings.allowed_namespaces, settings.allowed_service_accounts, settings.allowed_images
    ),
    checks=settings.checks,
    kinds=settings.resources,
    limits=Limits(deadline_seconds=round(settings.run_seconds), image=settings.exit_image),
    count=count,
)
service = assemble(open_kubernetes(settings.kubeconfig), HttpPortal(settings.portal_url), options, utc_now, new_id)
os.register_at_fork(after_in_child=service.start)
subscriber = function(*service.routes())
