"""Sinks: who outside is told what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.model.calls import Answer, Call
from shared.model.projects import Sink
from shared.model.references import is_reference
from shared.rules.sinks import check_sinks
from shared.rules.urls import check_sink
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation, parse
from shared.services.attempts import until_fresh
from shared.services.tables import PROJECTS


@dataclass(frozen=True, slots=True)
class SinkDesk:
    """Shows and replaces a project's sinks."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        path = "/projects/{project}/sinks"
        return [
            Operation("GET", path, "List the sinks", self.browse),
            Operation("PUT", path, "Replace the sinks", self.replace, "SinksBody"),
        ]

    def browse(self, call: Call) -> Answer:
        """List them; secrets are references and stay so."""
        return _shown(self.desk.project(call).value.sinks)

    def replace(self, call: Call) -> Answer:
        """Replace all of them: `Invalid` for one that could never be told anything."""
        sinks = msgspec.convert(parse("SinksBody", call).model_dump(), tuple[Sink, ...])
        check_sinks(sinks)
        for sink in sinks:
            if not is_reference(sink.url):
                check_sink(sink.url, allow_local=self.desk.allow_local, shown=True)
        until_fresh(lambda: self._write(call, sinks))
        return _shown(sinks)

    def _write(self, call: Call, sinks: tuple[Sink, ...]) -> None:
        was = self.desk.project(call)
        self.desk.store.commit([PROJECTS.replace(was, msgspec.structs.replace(was.value, sinks=sinks))])


def _shown(sinks: tuple[Sink, ...]) -> Answer:
    items: list[dict[str, Any]] = msgspec.to_builtins(sinks)
    return Answer(200, {"items": items, "next": None})
