"""What is particular to http(s): how little is asked for, logins, moved hosts, and hosts that are away."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.clients.git import Patience, Remotes
from shared.errors import Forbidden, NotFound, NotYet, Protected, Stale, Unavailable
from shared.model.experiments import Draft
from shared.model.hosting import Access
from shared.rules.edits import blob_id
from tests.gitserver import Clone, GitServer, git
from tests.payloads import SEED

AT = "2026-01-02T03:04:05.000Z"
DRAFT = Draft({"p/a.yaml": b"new"}, "Change a.\n", "Ada <ada@example.com>", AT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def person(server: GitServer) -> Clone:
    server.create()
    clone = server.clone()
    clone.write("p/a.yaml", "a")
    clone.push()
    return clone


def open_and_read(remotes: Remotes, url: str) -> dict[str, str]:
    remote = remotes(Access(url))
    return remote.files(remote.head("main") or "", "p")[1]


def test_one_changed_file_of_a_thousand_is_one_file_read_in_three_requests(server: GitServer, person: Clone) -> None:
    for number in range(1000):
        person.write(f"p/e{number:03}.yaml", f"kind: Workflow\nname: e{number}\n")
    person.push()
    remotes, url = Remotes(), f"{server.url}/chaos.git"
    before = open_and_read(remotes, url)
    person.write("p/e007.yaml", "kind: Workflow\nname: changed\n")
    commit = person.push()
    server.exchanges.clear()
    remote = remotes(Access(url))
    _, after = remote.files(remote.head("main") or "", "p")
    changed = set(after.values()) - set(before.values())
    assert [b"kind: Workflow\nname: changed\n"] == list(remote.blobs(commit, changed).values())
    assert [([], 0), ([commit], 3), (sorted(changed), 1)] == [(e.wants, e.objects) for e in server.exchanges]
    assert sum(exchange.sent + exchange.received for exchange in server.exchanges) < 40_000


def test_the_head_is_one_request_once_the_server_is_known(server: GitServer, person: Clone) -> None:
    remotes, url = Remotes(), f"{server.url}/chaos.git"
    remotes(Access(url)).head("main")
    server.exchanges.clear()
    assert person.push() == remotes(Access(url)).head("main")
    assert ["POST"] == [exchange.method for exchange in server.exchanges]


def test_all_files_of_a_first_import_are_read_in_one_request(server: GitServer, person: Clone) -> None:
    for number in range(300):
        person.write(f"p/e{number:03}.yaml", f"kind: Workflow\nname: e{number}\n")
    commit = person.push()
    remote = Remotes()(Access(f"{server.url}/chaos.git"))
    _, files = remote.files(commit, "p")
    assert 301 == len(remote.blobs(commit, files.values()))
    assert ["GET", "POST", "POST"] == [exchange.method for exchange in server.exchanges]


def test_where_partial_fetches_are_refused_a_commit_is_fetched_whole_and_once(server: GitServer) -> None:
    url = server.create(partial=False)
    person = server.clone()
    person.write("p/a.yaml", "a")
    commit = person.push()
    remote = Remotes()(Access(url))
    remote.files(commit, "p")
    server.exchanges.clear()
    assert {blob_id(b"a"): b"a"} == remote.blobs(commit, [blob_id(b"a")])
    assert [] == server.exchanges


def test_a_small_file_that_is_packed_with_a_large_one_is_read_all_the_same(server: GitServer, person: Clone) -> None:
    rows = b"".join(b"key-%d: value\n" % number for number in range(600_000))
    small = rows[: 200 << 10]
    person.write("p/large.yaml", rows)
    person.write("p/small.yaml", small)
    commit = person.push()
    git("gc", "-q", cwd=server.root / "chaos.git")
    remote = Remotes()(Access(f"{server.url}/chaos.git"))
    remote.files(commit, "p")
    found = remote.blobs(commit, [blob_id(rows), blob_id(small)])
    assert ((256 << 10) + 1, small) == (len(found[blob_id(rows)]), found[blob_id(small)])


LOGINS = [
    pytest.param("ada:word", "ada:word", id="user and password"),
    pytest.param("x-access-token:t0ken", "t0ken", id="a bare token"),
    pytest.param("ada:a:b", "ada:a:b", id="a password with a colon"),
]


@pytest.mark.parametrize(("wanted", "credential"), LOGINS)
def test_a_credential_logs_in_to_read_and_to_write(
    server: GitServer, person: Clone, wanted: str, credential: str
) -> None:
    server.login = wanted
    remote = Remotes()(Access(f"{server.url}/chaos.git", credential))
    commit = remote.commit_files("main", remote.head("main"), DRAFT)
    assert commit == git("rev-parse", "main", cwd=server.root / "chaos.git")
    person.pull()


def test_a_token_goes_with_the_user_that_the_address_names(server: GitServer, person: Clone) -> None:
    server.login = "ada:t0ken"
    commit = person.push()
    url = server.url.replace("//", "//ada@") + "/chaos.git"
    assert commit == Remotes()(Access(url, "t0ken")).head("main")


def test_a_wrong_login_is_told_without_the_credential(server: GitServer, person: Clone) -> None:
    server.login = "ada:word"
    person.push()
    with pytest.raises(Forbidden) as refusal:
        Remotes()(Access(f"{server.url}/chaos.git", "ada:s3cret")).head("main")
    assert f"{server.url}/chaos.git does not accept our login: mend the secret that `credential` names" == str(
        refusal.value
    )


def test_a_repository_that_is_not_there_is_named_without_a_login(server: GitServer) -> None:
    with pytest.raises(NotFound, match=r"^http://127\.0\.0\.1:\d+/none\.git is no repository"):
        Remotes()(Access(server.url.replace("//", "//ada:s3cret@") + "/none.git")).head("main")


def test_a_login_that_may_not_write_is_told_so(server: GitServer, person: Clone) -> None:
    head = person.push()
    git("config", "http.receivepack", "false", cwd=server.root / "chaos.git")
    with pytest.raises(Forbidden, match="refuses this to our login"):
        Remotes()(Access(f"{server.url}/chaos.git")).commit_files("main", head, DRAFT)


def test_a_protected_branch_is_told_in_the_servers_own_words(server: GitServer, person: Clone) -> None:
    head = person.push()
    hook = server.root / "chaos.git" / "hooks" / "update"
    hook.write_text("#!/bin/sh\nprintf 'main is \\033[31mprotected: open a merge request\\n' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Protected, match=r"refused the push to refs/heads/main: hook declined.* main is .*protected"):
        Remotes()(Access(f"{server.url}/chaos.git")).commit_files("main", head, DRAFT)


def test_a_race_lost_on_the_server_is_a_stale_head(server: GitServer, person: Clone) -> None:
    head = person.push()
    hook = server.root / "chaos.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref -d refs/heads/main\n")
    hook.chmod(0o755)
    with pytest.raises(Stale):
        Remotes()(Access(f"{server.url}/chaos.git")).commit_files("main", head, DRAFT)


def test_a_host_that_is_away_is_named_without_a_login(server: GitServer) -> None:
    url = server.url.replace("//", "//ada:s3cret@") + "/chaos.git"
    server.stop()
    with pytest.raises(Unavailable) as away:
        Remotes()(Access(url)).head("main")
    assert str(away.value).startswith("the git host 127.0.0.1 does not answer: ")
    assert not {"s3cret", "object at"} & set(str(away.value).split())


def test_a_host_that_comes_back_is_used_again(server: GitServer, person: Clone) -> None:
    remotes, url = Remotes(), f"{server.url}/chaos.git"
    remotes(Access(url)).head("main")
    server.stop()
    with pytest.raises(Unavailable):
        remotes(Access(url)).head("main")
    server.start()
    assert person.push() == remotes(Access(url)).head("main")


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(Unavailable, match=r"^the git host git\.invalid does not answer: "):
        Remotes()(Access("https://git.invalid/chaos.git")).head("main")


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers every request in one way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/chaos.git"
        finally:
            server.shutdown()
            thread.join()


def replying(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


ADVERTISED = {"Content_Type": "application/x-git-upload-pack-advertisement"}
ODD = [
    pytest.param(replying(500), Unavailable, "answered with HTTP status 500", id="500"),
    pytest.param(replying(503), Unavailable, "answered with HTTP status 503", id="503"),
    pytest.param(replying(410), NotFound, "is no repository, or `credential` may not see it", id="410"),
    pytest.param(replying(407), Forbidden, "the proxy for .* does not accept our login: mend HTTPS_PROXY", id="407"),
    pytest.param(replying(200, b"<html>", Content_Type="text/html"), NotFound, "is no repository", id="a web page"),
    pytest.param(replying(200, b"zzzz", **ADVERTISED), Unavailable, "broke off", id="no packets"),
    pytest.param(replying(200, b"", **ADVERTISED), Unavailable, "broke off", id="nothing"),
    pytest.param(replying(200, b"000eversion 2\n", **ADVERTISED), Unavailable, "broke off", id="cut off"),
    pytest.param(replying(302, Location="http://localhost:1/x"), NotFound, "has moved to another host", id="elsewhere"),
    pytest.param(replying(302, Location="/info/refs"), NotFound, "has moved to another host", id="round in circles"),
]


@pytest.mark.parametrize(("answer", "error", "says"), ODD)
def test_an_odd_answer_is_told(
    answer: Callable[[BaseHTTPRequestHandler], None], error: type[Exception], says: str
) -> None:
    with answering(answer) as url, pytest.raises(error, match=says):
        Remotes()(Access(url)).head("main")


def test_a_repository_that_moved_on_its_host_is_followed(server: GitServer, person: Clone) -> None:
    server.login, server.moved = "ada:word", {"old.git": "older.git", "older.git": "chaos.git"}
    remote = Remotes()(Access(f"{server.url}/old.git", "ada:word"))
    assert person.push() == remote.head("main")
    commit = remote.commit_files("main", remote.head("main"), DRAFT)
    assert commit == git("rev-parse", "main", cwd=server.root / "chaos.git")


def test_a_login_does_not_follow_to_another_host(server: GitServer, person: Clone) -> None:
    server.login = "ada:word"
    person.push()
    elsewhere = replying(302, Location=f"{server.url}/chaos.git/info/refs?service=git-upload-pack")
    with answering(elsewhere) as url, pytest.raises(NotFound, match="has moved to another host: set the new address"):
        Remotes()(Access(url, "ada:word")).head("main")
    assert [] == server.exchanges


def test_a_silent_host_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        remotes = Remotes(patience=Patience(read=0.2))
        with pytest.raises(Unavailable, match=r"^the git host 127\.0\.0\.1 does not answer: .*timed out"):
            remotes(Access(f"http://127.0.0.1:{silent.getsockname()[1]}/chaos.git")).head("main")


def _date(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("status", "waits", "least", "most"),
    [
        pytest.param(429, "7", 6, 7, id="seconds"),
        pytest.param(503, "7", 6, 7, id="away for seconds"),
        pytest.param(403, "7", 6, 7, id="a secondary limit"),
        pytest.param(429, 300.0, 200, 300, id="a date"),
        pytest.param(429, -300.0, 0.5, 1, id="a date that is over"),
        pytest.param(429, None, 59, 60, id="no word"),
        pytest.param(429, "soon", 59, 60, id="no number"),
        pytest.param(429, "0", 0.5, 1, id="at once"),
        pytest.param(429, "9" * 400, 899, 900, id="for ever"),
    ],
)
def test_a_host_that_asks_us_to_wait_is_left_alone_for_as_long(
    status: int, waits: str | float | None, least: float, most: float
) -> None:
    said = _date(waits) if isinstance(waits, float) else waits
    answer = replying(status) if said is None else replying(status, Retry_After=said)
    with answering(answer) as url:
        remotes = Remotes()
        with pytest.raises(NotYet, match=rf"127\.0\.0\.1 asks us to wait \(HTTP status {status}\)") as first:
            remotes(Access(url)).head("main")
    with pytest.raises(NotYet) as second:
        remotes(Access(url.replace("chaos", "other"))).head("main")
    assert least <= second.value.seconds <= first.value.seconds <= most


def test_a_host_is_asked_again_when_the_wait_is_over(server: GitServer, person: Clone) -> None:
    remotes, url = Remotes(), f"{server.url}/chaos.git"
    server.refusal = (429, {"Retry-After": "1"})
    with pytest.raises(NotYet):
        remotes(Access(url)).head("main")
    server.refusal = None
    time.sleep(1.01)
    assert person.push() == remotes(Access(url)).head("main")


def test_a_push_that_is_to_wait_is_told_so_as_well(server: GitServer, person: Clone) -> None:
    head = person.push()
    server.refusal, server.refused = (429, {"Retry-After": "7"}), "/git-receive-pack"
    with pytest.raises(NotYet, match="asks us to wait"):
        Remotes()(Access(f"{server.url}/chaos.git")).commit_files("main", head, DRAFT)
    assert head == git("rev-parse", "main", cwd=server.root / "chaos.git")


def test_a_repository_that_was_renamed_is_followed_and_says_where_it_is(server: GitServer, person: Clone) -> None:
    remotes, url = Remotes(), f"{server.url}/former.git"
    server.moved = {"former.git": "chaos.git"}
    remote = remotes(Access(url))
    assert remote.moved() is None
    assert person.push() == remote.head("main")
    assert f"{server.url}/chaos.git" == remote.moved()
    commit = remote.commit_files("main", remote.head("main"), DRAFT)
    assert commit == git("rev-parse", "main", cwd=server.root / "chaos.git")
    assert remotes(Access(f"{server.url}/chaos.git")).moved() is None


@pytest.mark.parametrize("path", ["/info/refs", "/git-upload-pack", "/git-receive-pack"])
@pytest.mark.parametrize("cut", [0, 30])
def test_an_answer_that_breaks_off_is_told(server: GitServer, person: Clone, path: str, cut: int) -> None:
    head = person.push()
    server.cut, server.cut_at = cut, path
    with pytest.raises(Unavailable, match=r"^the git host 127\.0\.0\.1 (broke off|does not answer)"):
        Remotes()(Access(f"{server.url}/chaos.git")).commit_files("main", head, DRAFT)


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
def test_an_answer_that_ends_too_early_is_never_taken_for_whole(server: GitServer, person: Clone, seed: int) -> None:
    for number in range(20):
        person.write(f"p/e{number}.yaml", f"kind: Workflow\nname: e{number}\n")
    commit = person.push()
    whole = Remotes()(Access(f"{server.url}/chaos.git"))
    files = whole.files(commit, "p")
    blobs = whole.blobs(commit, files[1].values())
    longest = max(exchange.received for exchange in server.exchanges)
    for cut in random.Random(seed).sample(range(longest + 200), 12):  # noqa: S311 - a slice, no secret
        remote = Remotes()(Access(f"{server.url}/chaos.git"))
        server.cut, server.cut_at = cut, "/git-upload-pack"
        with suppress(Unavailable):
            assert files == remote.files(commit, "p"), cut
            assert blobs == remote.blobs(commit, files[1].values()), cut
            assert cut >= max(exchange.received for exchange in server.exchanges[-2:]), cut
