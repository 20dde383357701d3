from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from shared.errors import Forbidden, NotFound
from tests.clients.hosts.parties import SECRET, Party, host

NOW = datetime.now(UTC).replace(microsecond=0)
URL = "https://portal.example.com/git/chaos"


class Portal:
    """Takes deliveries."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                taken.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/git/chaos"


@pytest.fixture
def portal() -> Iterator[Portal]:
    opened = Portal()
    Thread(target=opened.server.serve_forever, args=(0.02,), daemon=True).start()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def test_a_new_hook_is_active_and_checks_certificates(party: Party) -> None:
    made = host(party).save_hook(URL, SECRET)
    assert [made] == host(party).hooks()
    assert (URL, True, True, None) == (made.url, made.active, made.verified, made.problem)


def test_saving_a_hook_twice_makes_one(party: Party) -> None:
    first = host(party).save_hook(URL, SECRET)
    again = host(party).save_hook(URL, "another-secret", first.id)
    assert [first.id] == [again.id] == [hook.id for hook in host(party).hooks()]


def test_a_hook_moves_to_another_address(party: Party) -> None:
    made = host(party).save_hook("https://old.example.com/git/chaos", SECRET)
    assert URL == host(party).save_hook(URL, SECRET, made.id).url
    assert [URL] == [hook.url for hook in host(party).hooks()]


def test_a_hook_that_is_gone_is_not_found(party: Party) -> None:
    with pytest.raises(NotFound):
        host(party).save_hook(URL, SECRET, "404")


def test_a_name_that_no_hook_has_is_not_found(party: Party) -> None:
    with pytest.raises(NotFound):
        host(party).redeliver("../..", "1")


def test_who_may_not_see_hooks_is_told_so(party: Party) -> None:
    with pytest.raises(Forbidden):
        host(party, denied=True).hooks()


def test_a_test_delivery_arrives_at_once(party: Party, portal: Portal) -> None:
    made = host(party).save_hook(portal.url, SECRET)
    host(party).test_hook(made.id)
    assert 1 == len(portal.taken)


def test_failed_are_the_deliveries_of_which_no_attempt_succeeded(party: Party) -> None:
    hook = host(party).save_hook(URL, SECRET).id
    for minutes, delivery, status in [
        (50, "too-old", 500),
        (9, "lost", 502),
        (8, "good", 200),
        (7, "healed", 500),
        (6, "lost", 504),
        (5, "healed", 200),
        (4, "also-lost", 401),
    ]:
        party.deliver(hook, delivery, status, NOW - timedelta(minutes=minutes), again=minutes in {6, 5})
    found = host(party).failed_deliveries(hook, NOW - timedelta(minutes=20))
    assert [("lost", 504), ("also-lost", 401)] == [(one.delivery, one.status) for one in found]
    assert [(NOW - timedelta(minutes=6)).isoformat(), (NOW - timedelta(minutes=4)).isoformat()] == [
        one.at for one in found
    ]


def test_failed_deliveries_are_found_beyond_the_first_page(party: Party) -> None:
    hook = host(party).save_hook(URL, SECRET).id
    party.deliver(hook, "lost", 500, NOW - timedelta(minutes=5))
    for place in range(230):
        party.deliver(hook, f"good-{place}", 200, NOW - timedelta(minutes=4))
    assert ["lost"] == [one.delivery for one in host(party).failed_deliveries(hook, NOW - timedelta(hours=1))]


def test_a_failed_delivery_is_sent_again_under_the_name_that_it_had(party: Party, portal: Portal) -> None:
    hook = host(party).save_hook(portal.url, SECRET).id
    party.deliver(hook, "lost", 500, NOW - timedelta(minutes=5))
    (failed,) = host(party).failed_deliveries(hook, NOW - timedelta(hours=1))
    host(party).redeliver(hook, failed.id)
    assert 1 == len(portal.taken)
    assert [] == host(party).failed_deliveries(hook, NOW - timedelta(hours=1))
