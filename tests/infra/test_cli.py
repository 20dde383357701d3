"""What the command says and how it ends, whatever the words."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra.cli.main import main
from infra.cli.output import plain
from tests.infra.commanding import command, workflow


def commands(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that lead to it."""
    yield words, group
    if isinstance(group, click.Group):
        for name, inner in group.commands.items():
            yield from commands(inner, (*words, name))


EVERY = list(commands(main))


@pytest.mark.parametrize(("words", "one"), EVERY, ids=[" ".join(words) or "-" for words, _ in EVERY])
def test_every_command_explains_itself_and_each_of_its_options(words: tuple[str, ...], one: click.Command) -> None:
    done = CliRunner().invoke(main, [*words, "--help"])
    assert 0 == done.exit_code
    assert one.help
    assert all(option in done.output for named in one.params for option in named.opts if option.startswith("-"))


def test_whatever_lists_can_print_json() -> None:
    lists = [(words, one) for words, one in EVERY if words and words[-1] in {"list", "dead", "validate", "doctor"}]
    assert len(lists) == 9
    assert all(any("--json" in option.opts for option in one.params) for _, one in lists)


@pytest.mark.parametrize(
    "words",
    [
        ("projekt", "list"),
        ("project",),
        ("project", "create"),
        ("project", "create", "a", "b"),
        ("project", "list", "--limit", "0"),
        ("project", "list", "--jsn"),
        ("project", "enable", "shop", "--provider", "svn"),
        ("project", "status", ".."),
        ("project", "status", ""),
        ("experiment", "list"),
        ("experiment", "validate"),
        ("experiment", "validate", "/nowhere/a.yaml"),
        ("event", "list", "-p", "shop", "--kind", "rumour"),
        ("cluster", "add", "c1", "-p", "shop", "--label", "env"),
        ("cluster", "add", "c1", "-p", "shop", "--chaoscenter-url", "https://x.example.org/query"),
        ("cluster", "connect", "c1"),
        ("up", "--port", "x"),
    ],
    ids=" ".join,
)
def test_wrong_words_end_with_2_and_name_what_was_meant(words: tuple[str, ...]) -> None:
    done = command(*words, LITMUS_GITOPS_TOKEN="t")
    assert (2, "") == (done.code, done.out) or words == ("project",)
    assert "Usage: " in done.err


def test_a_server_that_is_not_there_is_named_with_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    done = command("--server", f"http://127.0.0.1:{port}", "project", "list", LITMUS_GITOPS_TOKEN="t")
    assert (1, "") == (done.code, done.out)
    assert f"127.0.0.1:{port} does not answer" in done.err
    assert "make run" in done.err


@pytest.mark.parametrize("server", ["ftp://x", "http://[", "http://x y/", "", "http://127.0.0.1:99999", "\u202e"])
def test_an_address_that_is_none_ends_with_1(server: str) -> None:
    done = command("--server", server, "project", "list", LITMUS_GITOPS_TOKEN="t")
    assert (1, "", True) == (done.code, done.out, "--server" in done.err)


@contextmanager
def stranger(status: int, media: str, body: bytes) -> Iterator[str]:
    """Serve this one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "media", "body"),
    [
        pytest.param(200, "text/html", b"<h1>It works!</h1>", id="a-page"),
        pytest.param(200, "application/json", b"[1]", id="another-api"),
        pytest.param(200, "application/json", b"{", id="half-a-json"),
        pytest.param(302, "text/html", b"", id="a-redirect"),
        pytest.param(404, "text/html", b"<h1>Not found</h1>", id="not-found"),
        pytest.param(500, "application/json", b"\xff", id="broken"),
    ],
)
def test_a_server_that_is_another_is_not_taken_for_ours(status: int, media: str, body: bytes) -> None:
    with stranger(status, media, body) as url:
        done = command("--server", url, "project", "status", "shop", LITMUS_GITOPS_TOKEN="t")
    assert (1, "", True) == (done.code, done.out, "--server" in done.err)


def test_without_a_token_the_places_to_put_one_are_named(tmp_path: Path) -> None:
    done = command("project", "list", cwd=tmp_path)
    assert (1, "") == (done.code, done.out)
    assert "LITMUS_GITOPS_TOKEN" in done.err
    assert ".data" in done.err


@pytest.mark.parametrize("token", ["a\nb", "ü", " "])
def test_a_token_that_cannot_be_one_is_not_sent(token: str) -> None:
    done = command("project", "list", LITMUS_GITOPS_TOKEN=token)
    assert (1, True) == (done.code, "token" in done.err)
    assert token.strip() not in done.err or not token.strip()


def test_files_are_validated_without_a_server(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(workflow("a", "a-1"))
    bad.write_text("kind: Workflow\nkind: Workflow\n")
    assert (0, "") == ((done := command("experiment", "validate", str(good))).code, done.out)
    done = command("experiment", "validate", str(good), str(bad))
    assert (1, f"{bad}:2:1: error: the key 'kind' was already given on line 1; keep one\n") == (done.code, done.out)
    (found,) = json.loads(command("experiment", "validate", "--json", str(bad)).out)
    assert (str(bad), 2, 1, "error") == tuple(found[name] for name in ("file", "line", "column", "severity"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x1b[31mb", "a\N{REPLACEMENT CHARACTER}[31mb"), ("a\nb", "a\nb"), ("\u202eü", "\N{REPLACEMENT CHARACTER}ü")],
)
def test_a_terminal_finds_no_orders_in_what_is_shown(text: str, expected: str) -> None:
    assert expected == plain(text)
