"""One repository behind each way that git can be reached, so that the same claims hold for all."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.clients.git import Remotes
from shared.model.hosting import Access
from shared.ports.git import GitRemote
from tests.gitserver import ENVIRONMENT, Clone, GitServer, bare, clone


@dataclass(frozen=True)
class Hosted:
    """A bare repository in `folder`, reachable at `url`, and a person's clone of it."""

    folder: Path
    url: str
    remotes: Remotes
    person: Clone

    def open(self) -> GitRemote:
        """Return a remote that remembers nothing."""
        return self.remotes(Access(self.url))


Way = Callable[[Path, Path], AbstractContextManager[tuple[str, Remotes]]]
"""Serves a bare repository; the second folder is for whatever that needs."""

SSH = """#!/bin/sh
# Stands in for OpenSSH's client: runs the command here, and takes SetEnv as a host with AcceptEnv does.
printf '%s\\n' "$@" > {log}
for argument in "$@"; do
  case "$argument" in SetEnv=GIT_PROTOCOL=*) {accept} GIT_PROTOCOL="${{argument#SetEnv=GIT_PROTOCOL=}}" ;; esac
  command="$argument"
done
exec sh -c "$command"
"""


def ssh_command(folder: Path, *, accept_env: bool = True) -> tuple[str]:
    """Write the stand-in for ssh; what it was called with is in `ssh.log` beside it."""
    script = folder / "ssh"
    script.write_text(SSH.format(log=folder / "ssh.log", accept="export" if accept_env else ":"))
    script.chmod(0o700)
    return (str(script),)


@contextmanager
def by_file(repository: Path, _: Path) -> Iterator[tuple[str, Remotes]]:
    yield f"file://{repository}", Remotes()


@contextmanager
def by_http(repository: Path, _: Path, *, old: bool = False) -> Iterator[tuple[str, Remotes]]:
    with GitServer(repository.parent, old=old) as server:
        yield f"{server.url}/{repository.name}", Remotes()


@contextmanager
def by_http_of_old(repository: Path, folder: Path) -> Iterator[tuple[str, Remotes]]:
    with by_http(repository, folder, old=True) as way:
        yield way


@contextmanager
def by_http_whole(repository: Path, folder: Path) -> Iterator[tuple[str, Remotes]]:
    bare(repository, partial=False)
    with by_http(repository, folder) as way:
        yield way


@contextmanager
def by_ssh(repository: Path, folder: Path) -> Iterator[tuple[str, Remotes]]:
    yield f"ssh://git@git.example.com{repository}", Remotes(ssh_command(folder))


@contextmanager
def by_ssh_of_old(repository: Path, folder: Path) -> Iterator[tuple[str, Remotes]]:
    yield f"git@git.example.com:{repository}", Remotes(ssh_command(folder, accept_env=False))


@contextmanager
def by_git(repository: Path, _: Path) -> Iterator[tuple[str, Remotes]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--listen=127.0.0.1", f"--port={port}", "--export-all", "--enable=receive-pack", "--reuseaddr"]
    daemon = subprocess.Popen(
        ["git", "daemon", *options, f"--base-path={repository.parent}"], env=ENVIRONMENT, start_new_session=True
    )
    try:
        _wait_for(port)
        yield f"git://127.0.0.1:{port}/{repository.name}", Remotes()
    finally:
        daemon.terminate()
        daemon.wait(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return


WAYS: dict[str, Way] = {
    "file": by_file,
    "http": by_http,
    "http without partial fetches": by_http_whole,
    "http of version 0": by_http_of_old,
    "ssh": by_ssh,
    "ssh of version 0": by_ssh_of_old,
    "git": by_git,
}


WRITTEN = ["file", "git", "http", "ssh of version 0"]
"""Ways that differ in how they are written to."""


@contextmanager
def served(way: str, folder: Path) -> Iterator[Hosted]:
    (folder / "served").mkdir()
    repository = bare(folder / "served" / "chaos.git")
    with WAYS[way](repository, folder) as (url, remotes):
        yield Hosted(repository, url, remotes, clone(repository, folder / "clone"))


@pytest.fixture(params=sorted(WAYS))
def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosted]:
    with served(request.param, tmp_path) as way:
        yield way


@pytest.fixture(params=WRITTEN)
def writable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosted]:
    with served(request.param, tmp_path) as way:
        yield way
