"""ssh to a real OpenSSH server: our key, its pinned host key, and nobody asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.git import Remotes
from shared.errors import Forbidden, Misconfigured, NotFound, Stale, Unavailable
from shared.model.experiments import Draft
from shared.model.hosting import Access
from shared.ports.git import GitRemote
from tests.gitserver import Clone, bare, clone, git
from tests.sshd import SshServer, known, make_key, ssh_server

DRAFT = Draft({"p/b.yaml": b"new"}, "Add b.\n", "Ada <ada@example.com>", "2026-01-02T03:04:05.000Z")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return bare(tmp_path / "chaos.git")


@pytest.fixture
def person(repository: Path, tmp_path: Path) -> Clone:
    person = clone(repository, tmp_path / "clone")
    person.write("p/a.yaml", "a")
    person.push()
    return person


def _open(sshd: SshServer, repository: Path, key: str | None = None, host: str | None = None) -> GitRemote:
    return Remotes()(Access(sshd.url(repository), f"{key or sshd.key}\n{host or sshd.host}\n"))


def _written(sshd: SshServer, repository: Path, head: str) -> None:
    """Claim that a repository can be read and written."""
    remote = _open(sshd, repository)
    assert head == remote.head("main")
    _, files = remote.files(head, "p")
    assert [b"a"] == list(remote.blobs(head, files.values()).values())
    commit = remote.commit_files("main", head, DRAFT)
    assert commit == git("rev-parse", "main", cwd=repository)
    with pytest.raises(Stale):
        remote.commit_files("main", head, DRAFT)


def test_a_repository_is_read_and_written(sshd: SshServer, repository: Path, person: Clone) -> None:
    _written(sshd, repository, person.push())


@pytest.mark.soak
def test_so_it_is_on_a_server_that_hears_of_no_version(repository: Path, person: Clone, tmp_path: Path) -> None:
    with ssh_server(tmp_path, accept_env=False) as old:
        _written(old, repository, person.push())


def test_another_host_key_than_the_pinned_one_is_refused(sshd: SshServer, repository: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    pinned = known(sshd.port, tmp_path / "other.pub")
    with pytest.raises(Misconfigured, match=r"the ssh host key of 127\.0\.0\.1 is not known"):
        _open(sshd, repository, host=pinned).head("main")


def test_a_host_key_of_another_host_is_no_pin_for_this_one(sshd: SshServer, repository: Path) -> None:
    with pytest.raises(Misconfigured, match="put its known_hosts line below the private key"):
        _open(sshd, repository, host=sshd.host.replace("127.0.0.1", "git.example.com")).head("main")


def test_another_key_is_refused_without_being_shown(sshd: SshServer, repository: Path, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    with pytest.raises(Forbidden, match="does not accept our ssh key: mend the secret that `credential`") as told:
        _open(sshd, repository, stranger).head("main")
    assert stranger.splitlines()[1] not in str(told.value)


def test_a_repository_that_is_not_there_is_named(sshd: SshServer, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is no git repository, or we may not see it"):
        _open(sshd, tmp_path / "none.git").head("main")


def test_a_server_that_is_away_is_told(sshd: SshServer, repository: Path, tmp_path: Path) -> None:
    with ssh_server(tmp_path) as other:
        access = Access(other.url(repository), f"{other.key}\n{other.host}\n")
    with pytest.raises(Unavailable, match="Connection refused"):
        Remotes()(access).head("main")
    assert sshd
