"""`announce` as the queue calls it: the real app, and a sink that verifies what it is told."""

from __future__ import annotations

import time
from pathlib import Path

from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.ids import new_id
from shared.clients.sqlite import SqliteStore, open_database
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Project, Sink
from shared.rules.keys import internal_key
from shared.services.tables import EVENTS, PROJECTS
from shared.wire import cloudevents, standard_webhooks
from tests.servers import ask, load, waitress_server
from tests.sinks import SECRET, SinkStand

SOURCE = Path(__file__).parents[2] / "functions" / "announce" / "main.py"
ROW = Event("e1", "2026-01-01T00:00:00.000Z", "run", "completed", "it ended", "kill")


def test_a_message_has_a_sink_told_until_it_takes_it(tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / "secrets").mkdir(exist_ok=True)
    (tmp_path / "secrets" / "hook").write_text(SECRET)
    with applied({"DATA_DIR": str(tmp_path), "ALLOW_LOCAL": "true", "PUBLIC_URL": "https://portal.example.org/"}):
        app = load(SOURCE, "announce")
    key = internal_key(bytes.fromhex((tmp_path / "keys" / "master").read_text().strip()))
    database = open_database(tmp_path / "litmus-gitops.db")
    store = SqliteStore(database)
    with waitress_server(app) as port, SinkStand().open() as sink:
        sinks = (Sink("bus", sink.url, ("run.*",), secret="file:hook"),)
        store.commit(
            [PROJECTS.put(Project("shop", "Shop", "", sinks=sinks), "shop"), EVENTS.put(ROW, "shop", "run", "e1")]
        )
        ids = {"project": "shop", "kind": "run", "verdict": "completed", "event": "e1", "sink": "bus"}
        sink.statuses = [500]
        assert [204, 503, 204] == [_told(port, key, action, ids) for action in ("event", "sink", "sink")]
        assert 204 == _told(port, key, "sink", ids | {"project": "none"})
        assert [401, 503] == [_told(port, bytes(32), "sink", ids), _told(port, key, "nothing", ids)]
        first, second = sink.webhooks()
        assert first == second
        assert ("e1", "https://portal.example.org/api/projects/shop") == (first["id"], first["source"])
    database.close()


def _told(port: int, key: bytes, action: str, ids: dict[str, str]) -> int:
    body = cloudevents.encode(Message(new_id(), "announce", action, ids))
    headers = standard_webhooks.sign(key, "m", int(time.time()), body) | {"content-type": cloudevents.MEDIA_TYPE}
    return ask(port, "POST", "/internal/announce", body, **headers).status
