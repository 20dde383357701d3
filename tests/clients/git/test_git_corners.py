"""Servers that give less, packs that are too much, notes in folders, work trees, and paths that lead elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.clients.git import Remotes
from shared.clients.git.lines import WebLine
from shared.clients.git.places import Place
from shared.clients.git.remotes import Remote
from shared.clients.git.web import Web
from shared.clients.git.wire import Limits, WireSource
from shared.errors import Conflict, Invalid
from shared.model.experiments import Draft
from shared.model.hosting import Access
from shared.rules.edits import blob_id
from tests.gitserver import Clone, GitServer, bare, clone, git

AT = "2026-01-02T03:04:05.000Z"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served") as server:
        server.create()
        yield server


@pytest.fixture
def person(server: GitServer) -> Clone:
    return server.clone()


def bounded(server: GitServer, limits: Limits) -> Remote:
    """A remote that takes no more than these limits allow."""
    place = Place.parse(f"{server.url}/chaos.git")
    return Remote(WireSource(place, WebLine(place, None, Web()), limits))


def push_noise(person: Clone, files: int, size: int) -> tuple[str, dict[str, bytes]]:
    texts = [os.urandom(size) for _ in range(files)]
    for number, text in enumerate(texts):
        person.write(f"p/e{number}.yaml", text)
    return person.push(), {blob_id(text): text for text in texts}


def test_where_single_files_are_not_given_the_whole_head_is_fetched(server: GitServer, person: Clone) -> None:
    commit, texts = push_noise(person, 3, 100)
    server.strict = True
    remote = Remotes()(Access(f"{server.url}/chaos.git"))
    remote.files(commit, "p")
    assert texts == remote.blobs(commit, texts)


def test_files_that_are_too_much_at_once_are_read_by_halves(server: GitServer, person: Clone) -> None:
    commit, texts = push_noise(person, 16, 1000)
    remote = bounded(server, Limits(some=5000))
    assert texts == remote.blobs(commit, texts)
    assert [16, 8, 4, 4, 8, 4, 4] == [len(exchange.wants) for exchange in server.exchanges if exchange.wants]


def test_a_single_file_that_is_too_much_is_too_large(server: GitServer, person: Clone) -> None:
    commit, texts = push_noise(person, 2, 1000)
    large = os.urandom(9000)
    person.write("p/large.yaml", large)
    commit = person.push()
    found = bounded(server, Limits(some=5000)).blobs(commit, [*texts, blob_id(large)])
    assert texts | {blob_id(large): bytes((256 << 10) + 1)} == found


@pytest.mark.parametrize("old", [False, True])
def test_a_head_that_is_too_much_as_a_whole_says_how_to_mend_it(server: GitServer, person: Clone, old: bool) -> None:
    git("config", "uploadpack.allowFilter", "false", cwd=server.root / "chaos.git")
    server.old = old
    commit, _ = push_noise(person, 3, 1000)
    with pytest.raises(Invalid, match=r"allow partial fetches there \(uploadpack\.allowFilter\)"):
        bounded(server, Limits(whole=2000)).files(commit, "p")


def noted(repository: Path, commit: str) -> str:
    return git("notes", "--ref", "litmus", "show", commit, cwd=repository)


def make_tree(repository: Path, *entries: str) -> str:
    return git("mktree", "--missing", cwd=repository, given="\n".join([*entries, ""]).encode())


def put_notes(repository: Path, tree: str) -> None:
    commit = git("commit-tree", "-m", "Notes.", tree, cwd=repository)
    git("update-ref", "refs/notes/litmus", commit, cwd=repository)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_note_in_folders_is_found_and_replaced_there(tmp_path: Path, depth: int) -> None:
    repository = bare(tmp_path / "chaos.git")
    commit = clone(repository, tmp_path / "clone").push()
    blob = git("hash-object", "-w", "--stdin", cwd=repository, given=b"by hand\n")
    tree = make_tree(repository, f"100644 blob {blob}\t{commit[2 * depth :]}")
    for level in reversed(range(depth)):
        tree = make_tree(repository, f"040000 tree {tree}\t{commit[2 * level : 2 * level + 2]}")
    put_notes(repository, tree)
    Remotes()(Access(f"file://{repository}")).note(commit, lambda note: note + "ours\n", NOW)
    assert "by hand\nours" == noted(repository, commit)
    assert 1 == len(git("ls-tree", "-r", "refs/notes/litmus", cwd=repository).splitlines())


def test_a_new_note_among_many_goes_into_a_folder(tmp_path: Path) -> None:
    repository = bare(tmp_path / "chaos.git")
    person = clone(repository, tmp_path / "clone")
    first, second = person.push(), person.push()
    blob = git("hash-object", "-w", "--stdin", cwd=repository, given=b"x\n")
    put_notes(repository, make_tree(repository, *(f"100644 blob {blob}\t{number:040x}" for number in range(300))))
    remote = Remotes()(Access(f"file://{repository}"))
    remote.note(first, lambda note: note + "ours\n", NOW)
    remote.note(second, lambda note: note + "ours too\n", NOW)
    assert ("ours", "ours too") == (noted(repository, first), noted(repository, second))
    assert f"{first[:2]}/{first[2:]}" in git("ls-tree", "-r", "--name-only", "refs/notes/litmus", cwd=repository)


def test_the_branch_that_someone_works_on_is_not_moved(tmp_path: Path) -> None:
    person = clone(bare(tmp_path / "chaos.git"), tmp_path / "clone")
    head = person.push()
    draft = Draft({"a.yaml": b"a"}, "Add a.\n", "Ada <ada@example.com>", AT)
    with pytest.raises(Conflict, match=r"refs/heads/main is checked out in .*: use a bare repository"):
        Remotes()(Access(f"file://{person.folder}")).commit_files("main", head, draft)


@pytest.mark.parametrize("path", ["../a.yaml", "p/./a.yaml", ".git/a.yaml", "p/.GIT/config.yaml"])
def test_no_path_leads_out_of_the_repository(tmp_path: Path, path: str) -> None:
    remote = Remotes()(Access(f"file://{bare(tmp_path / 'chaos.git')}"))
    with pytest.raises(Invalid, match="is no path inside a repository"):
        remote.commit_files("main", None, Draft({path: b"a"}, "Add a.\n", "Ada <ada@example.com>", AT))


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        pytest.param("Ada Lovelace <ada@example.com>", "Ada Lovelace <ada@example.com>", id="name and address"),
        pytest.param("owner", "owner <nobody@localhost>", id="a bare name"),
        pytest.param("Ada\n<ada@example.com>", "Ada <ada@example.com>", id="a line break"),
        pytest.param(" <ada@example.com>", "portal <ada@example.com>", id="no name"),
    ],
)
def test_any_author_makes_a_sound_commit(tmp_path: Path, author: str, expected: str) -> None:
    repository = bare(tmp_path / "chaos.git")
    Remotes()(Access(f"file://{repository}")).commit_files(
        "main", None, Draft({"a.yaml": b"a"}, "Add a.\n", author, AT)
    )
    git("fsck", "--strict", cwd=repository)
    assert expected == git("log", "-1", "--format=%an <%ae>", "main", cwd=repository)
