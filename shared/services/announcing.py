"""Brings what the ledger holds to a project's sinks: at least once each, by the queue, beside everything else."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Unavailable
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Project, Sink
from shared.model.references import is_reference
from shared.model.runs import Run
from shared.ports.ambient import Clock, Secrets
from shared.ports.peers import Sinks
from shared.ports.state import Store
from shared.rules.sinks import heeds
from shared.rules.tracing import traceparent
from shared.rules.urls import check_sink
from shared.services.tables import EVENTS, ORDERS, PROJECTS, RUNS
from shared.wire.announcements import Announcement, wired


@dataclass(frozen=True, slots=True)
class Announcing:
    """Works off the messages about events; `public_url` is where the events come from."""

    store: Store
    secrets: Secrets
    sinks: Sinks
    clock: Clock
    public_url: str
    allow_local: bool

    def event(self, asked: Message) -> None:
        """Have each sink told by a message of its own (message `announce/event`), so that none waits for another."""
        found = PROJECTS.load(self.store, asked.ids["project"])
        name = f"{asked.ids['kind']}.{asked.ids['verdict']}"
        heeding = [sink.name for sink in found.value.sinks if heeds(sink, name)] if found else []
        sent = [_to(sink, asked) for sink in heeding]
        if sent:
            self.store.commit([], sent)

    def sink(self, asked: Message) -> None:
        """Tell one sink (message `announce/sink`), unless it is gone meanwhile.

        Raises `Unavailable` until it answers with success: the queue tries again, and keeps what failed as a dead
        letter.
        """
        project = PROJECTS.load(self.store, asked.ids["project"])
        sink = next((one for one in project.value.sinks if one.name == asked.ids["sink"]), None) if project else None
        found = EVENTS.load(self.store, asked.ids["project"], asked.ids["kind"], asked.ids["event"])
        if project is None or sink is None or found is None:
            return
        answer = self._post(sink, self._announcement(project.value, found.value))
        if answer // 100 != 2:  # noqa: PLR2004 - HTTP: success
            raise Unavailable(f"sink {sink.name} of project {project.value.id} answered {answer}")

    def _post(self, sink: Sink, told: Announcement) -> int:
        url = self.secrets(sink.url) if is_reference(sink.url) else sink.url
        check_sink(url, allow_local=self.allow_local)
        secrets = self.secrets(sink.secret).split() if sink.secret else ()
        return self.sinks(url, *wired(told, sink.kind, secrets, self.clock().timestamp())).status

    def _announcement(self, project: Project, event: Event) -> Announcement:
        run = self._run(project.id, event)
        source = f"{self.public_url}/api/projects/{project.id}"
        return Announcement(project.id, event, source, self._trace(event, run), run)

    def _run(self, project: str, event: Event) -> Run | None:
        name = _linked(event, "run")
        found = RUNS.load(self.store, project, name) if name else None
        return found.value if found else None

    def _trace(self, event: Event, run: Run | None) -> str:
        """Return the trace context of the order that the event is about; a change's own is that of its orders."""
        name, cluster = _linked(event, "order"), str(event.detail.get("cluster") or (run.cluster if run else ""))
        order = ORDERS.load(self.store, cluster, name) if name and cluster else None
        cause = _linked(event, "change") or (run.id if run else event.id)
        return order.value.traceparent if order else traceparent(cause, event.id, event.detail.get("traceparent", ""))


def _to(sink: str, asked: Message) -> Message:
    ids = {name: asked.ids[name] for name in ("project", "kind", "event")}
    return Message(f"announce-{ids['event']}-{sink}", "announce", "sink", ids | {"sink": sink})


def _linked(event: Event, rel: str) -> str:
    return next((link.id for link in event.links if link.rel == rel), "")
