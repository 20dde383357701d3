"""Takes what subscribers report, scores runs that ended, and sets going what waited for them."""

from shared.clients.ids import new_id
from shared.clients.opening import open_store, utc_now
from shared.edge.functions import function
from shared.model.calls import Route
from shared.services.reporting import Reporting
from shared.settings import RunReport
from shared.wire.reports import LIMIT

settings = RunReport.read()
store = open_store(settings.state.store_url)
reporting = Reporting(store, utc_now, new_id, settings.state.master_key)
run_report = function(Route("POST", "/reports/{cluster}", reporting.receive, ("application/json",), LIMIT))
