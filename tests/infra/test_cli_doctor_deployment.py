"""`litmus-gitops doctor` on a deployment as a whole: is it there, does time agree, is work done, what ends soon."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.cli import deployment
from infra.cli.portal import Portal
from infra.demo.certificates import make_certificates
from infra.demo.tls import TlsFront
from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.sqlite import SqliteStore, open_database
from shared.model.experiments import SyncState
from shared.model.ledger import Event
from shared.model.messages import Message
from shared.model.projects import Presence
from shared.services.tables import EVENTS, PRESENCE, SYNCS, TICKED
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.infra.commanding import TOKEN, Served, command, served
from tests.infra.loop import free_port
from tests.servers import load, waitress_server
from tests.servers import served as listening

ROOT = Path(__file__).parents[2]
LONG_AGO = "2026-01-01T00:00:00.000Z"
NOW = "2999-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        made("cluster", "add", "c1", "-p", "shop")
        made.store.commit([PRESENCE.put(Presence("c1", NOW), "shop", "c1")])
        yield made


def found(portal: Served, place: str, **environment: str) -> list[str]:
    """Return what doctor finds at a place; its exit status says whether it finds anything."""
    told: dict[str, Any] = {"LITMUS_GITOPS_URL": portal.engine.url, "LITMUS_GITOPS_TOKEN": TOKEN}
    done = command("doctor", "--json", **told | environment)
    rows: list[dict[str, Any]] = [row for row in done.json if row["severity"] == "finding"]
    assert done.code == bool(rows)
    assert all(row["mend"] for row in rows)
    return [row["what"] for row in rows if row["place"] == place]


def test_all_is_well_where_all_is_well(portal: Served) -> None:
    assert "nothing found: every project follows its repository" in portal("doctor").out


def test_a_portal_that_is_not_there_is_a_finding_and_no_crash(portal: Served) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    [what] = found(portal, "deployment", LITMUS_GITOPS_URL=nowhere)
    assert what.startswith(f"{nowhere} does not answer: ")


def test_a_portal_whose_store_cannot_be_read_is_asked_no_more(portal: Served) -> None:
    with closing(sqlite3.connect(portal.folder / "data" / "litmus-gitops.db", timeout=10)) as other:
        other.execute("ALTER TABLE record RENAME TO elsewhere")
        try:
            [what] = found(portal, "deployment")
        finally:
            other.execute("ALTER TABLE elsewhere RENAME TO record")
    assert f"{portal.engine.url} is not ready: the store cannot be read: the log has the details" == what


def test_a_cluster_whose_clock_is_off_is_found(portal: Served) -> None:
    for ahead, words in ((61.0, "61 s ahead of"), (-240.0, "4 min behind")):
        portal.store.commit([PRESENCE.put(Presence("c1", NOW, {}, ahead), "shop", "c1")])
        assert [f"the clock of cluster c1 is {words} the portal's"] == found(portal, "shop")
    portal.store.commit([PRESENCE.put(Presence("c1", NOW, {}, 59.0), "shop", "c1")])
    assert [] == found(portal, "shop")


def test_a_push_that_was_not_synced_for_long_is_found(portal: Served) -> None:
    was = SYNCS.load_or(portal.store, SyncState(), "shop")
    told = Event("0", LONG_AGO, "delivery", "accepted", "the branch moved", "d1")
    lags = SyncState(dirty=2, clean=1, commit="abc", at="2025-12-31T00:00:00.000Z")
    portal.store.commit([EVENTS.put(told, "shop", "delivery", "0"), SYNCS.put(lags, "shop")])
    assert [f"the push of {LONG_AGO} is not synced yet; the portal shows abc"] == found(portal, "shop")
    portal.store.commit([EVENTS.delete("shop", "delivery", "0"), SYNCS.put(was.value, "shop")])


def test_a_certificate_that_ends_soon_is_found(portal: Served, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    with TlsFront(portal.engine.port, made) as front:
        trusted = {"LITMUS_GITOPS_URL": front.url, "SSL_CERT_FILE": str(made.ca)}
        [what] = found(portal, "portal", **trusted)
        assert what.startswith(f"the certificate of {front.url} ends on ")
        [untrusted] = found(portal, "deployment", LITMUS_GITOPS_URL=front.url)
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted


def test_a_timer_that_has_stopped_is_found(portal: Served) -> None:
    portal.store.commit([TICKED.put(LONG_AGO, "reconcile")])
    assert [f"reconcile last ran at {LONG_AGO}, so nothing that was lost is healed"] == found(portal, "queue")
    portal.store.commit([TICKED.put(NOW, "reconcile")])
    assert [] == found(portal, "queue")


def test_a_token_that_ends_soon_or_serves_no_more_is_found(portal: Served, tmp_path: Path) -> None:
    party = GitLabParty(tmp_path / "host")
    (portal.folder / "data" / "secrets" / "gitlab").write_text(party.access().credential or "")
    named = ("--provider", "gitlab", "--credential", "file:gitlab")
    portal("project", "create", "gitlab")
    portal("project", "enable", "gitlab", "--repo", party.access().url, *named)
    ends = "the credential file:gitlab ends at"
    party.expire(datetime(2999, 1, 1, tzinfo=UTC))
    assert not [what for what in found(portal, "gitlab") if "credential" in what]
    party.expire(datetime.now(UTC))
    assert f"{ends} {datetime.now(UTC):%Y-%m-%d}T00:00:00Z" in found(portal, "gitlab")
    party.server.state.tokens[party.login].expired = True
    [what] = [what for what in found(portal, "gitlab") if "API" in what]
    assert what.startswith("the credential file:gitlab does not open the git host's API: ")
    assert "does not accept our credential" in what
    portal("project", "disable", "gitlab")
    party.stop()


@contextmanager
def unattended(folder: Path) -> Iterator[tuple[Portal, SqliteStore]]:
    """Serve the portal alone: nobody delivers its messages, and no timer runs."""
    furnish(folder)
    told = {"DATA_DIR": str(folder), "STORE_URL": f"sqlite:{folder}/litmus-gitops.db", "ADMIN_TOKEN": TOKEN}
    with applied(told):
        app = load(ROOT / "functions" / "portal" / "main.py", "portal")
    database = open_database(folder / "litmus-gitops.db")
    with waitress_server(app) as port:
        yield Portal(f"http://127.0.0.1:{port}", TOKEN), SqliteStore(database)
    database.close()


def test_messages_that_nobody_takes_are_found(tmp_path: Path) -> None:
    with unattended(tmp_path) as (alone, store):
        store.commit([TICKED.put(NOW, "reconcile")], [Message("m", "sync", "project", {})])
        assert [] == list(deployment.queue(alone))
        with closing(sqlite3.connect(tmp_path / "litmus-gitops.db")) as other:
            other.execute("UPDATE message SET sent_at = sent_at - 600")
            other.commit()
        [(what, _)] = deployment.queue(alone)
        assert "1 messages are due and not taken; the oldest was sent 10 min ago" == what


def test_a_timer_that_never_ran_is_found(tmp_path: Path) -> None:
    with unattended(tmp_path) as (alone, _):
        [(what, _)] = deployment.queue(alone)
        assert "reconcile has never run, so nothing that was lost is healed" == what
        counts = dict.fromkeys(("ready", "delayed", "leased", "dead"), 0)
        assert counts | {"oldest_age": 0.0, "reconciled_at": None} == alone.call("GET", "/queue")


class _Elsewhen(BaseHTTPRequestHandler):
    """A portal whose clock says what `now` says."""

    now = ""

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", self.now)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("Thu, 01 Jan 2026 00:00:00 GMT", "behind this machine's", id="behind"),
        pytest.param("Mon, 01 Jan 2999 00:00:00 GMT", "ahead of this machine's", id="ahead"),
        pytest.param("whenever", None, id="no-date"),
    ],
)
def test_a_portal_whose_clock_is_off_is_found(now: str, expected: str | None) -> None:
    kind = type("Handler", (_Elsewhen,), {"now": now})
    with HTTPServer(("127.0.0.1", 0), kind) as server, listening(server):
        whats = [what for what, _ in deployment.clock(Portal(f"http://127.0.0.1:{server.server_port}", TOKEN))]
    assert whats == [] if expected is None else whats[0].endswith(expected)


def test_the_engine_says_when_it_last_looked_after_everything(portal: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = urllib3.request("GET", f"{portal.engine.url}/api/queue", headers=headers).json()
    assert datetime.fromisoformat(answer["reconciled_at"])
