from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from shared.errors import Conflict, Invalid, Stale
from shared.model.experiments import Draft
from tests.clients.git.conftest import Hosted
from tests.gitserver import git

WRITERS = 8
AT = "2026-01-02T03:04:05.000Z"
MESSAGE = "Change cart.\n\nLitmus-Gitops-Edit: e1\n"


def a_draft(**changes: bytes | None) -> Draft:
    return Draft({f"p/{name}.yaml": text for name, text in changes.items()}, MESSAGE, "Ada <ada@example.com>", AT)


def shown(writable: Hosted, path: str) -> str:
    return git("show", f"main:{path}", cwd=writable.folder)


def test_a_draft_becomes_a_commit_on_top_of_the_head(writable: Hosted) -> None:
    writable.person.write("p/a.yaml", "a")
    writable.person.write("q/other.yaml", "stays")
    head = writable.person.push()
    commit = writable.open().commit_files("main", head, a_draft(a=b"new", b=b"added"))
    assert commit == git("rev-parse", "main", cwd=writable.folder)
    assert head == git("rev-parse", "main^", cwd=writable.folder)
    assert ("new", "added", "stays") == tuple(
        shown(writable, path) for path in ("p/a.yaml", "p/b.yaml", "q/other.yaml")
    )
    git("fsck", "--strict", cwd=writable.folder)


def test_a_commit_says_who_made_it_when_and_why(writable: Hosted) -> None:
    commit = writable.open().commit_files("main", writable.person.push(), a_draft(a=b"a"))
    said = git(
        "log", "-1", "--format=%an <%ae>|%aI|%cn|%(trailers:key=Litmus-Gitops-Edit)", commit, cwd=writable.folder
    )
    assert "Ada <ada@example.com>|2026-01-02T03:04:05+00:00|litmus-gitops|Litmus-Gitops-Edit: e1" == said


def test_the_first_commit_makes_the_branch(writable: Hosted) -> None:
    commit = writable.open().commit_files("main", None, a_draft(a=b"a"))
    assert (commit, "a") == (git("rev-parse", "main", cwd=writable.folder), shown(writable, "p/a.yaml"))


def test_a_branch_may_begin_on_top_of_another(writable: Hosted) -> None:
    writable.person.write("p/a.yaml", "a")
    head = writable.person.push()
    remote = writable.open()
    first = remote.commit_files("litmus-gitops/e1", None, a_draft(a=b"new"), head)
    second = remote.commit_files("litmus-gitops/e1", first, a_draft(b=b"b"), head)
    branches = git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", cwd=writable.folder)
    assert [f"litmus-gitops/e1 {second}", f"main {head}"] == branches.splitlines()
    assert [second, first, head] == git("rev-list", second, cwd=writable.folder).splitlines()


def test_a_branch_that_has_begun_already_is_not_begun_anew(writable: Hosted) -> None:
    head = writable.person.push()
    there = writable.open().commit_files("litmus-gitops/e1", None, a_draft(a=b"theirs"), head)
    with pytest.raises(Stale):
        writable.open().commit_files("litmus-gitops/e1", None, a_draft(a=b"ours"), head)
    assert there == git("rev-parse", "litmus-gitops/e1", cwd=writable.folder)


def test_a_removed_file_takes_its_empty_folders_along(writable: Hosted) -> None:
    writable.person.write("p/deep/a.yaml", "a")
    writable.person.write("b.yaml", "b")
    head = writable.person.push()
    draft = Draft({"p/deep/a.yaml": None, "p/never.yaml": None}, MESSAGE, "Ada <ada@example.com>", AT)
    writable.open().commit_files("main", head, draft)
    assert "b.yaml" == git("ls-tree", "-r", "--name-only", "main", cwd=writable.folder)


def test_a_program_stays_one_when_its_text_changes(writable: Hosted) -> None:
    writable.person.write("p/a.yaml", "a")
    (writable.person.folder / "p/a.yaml").chmod(0o755)
    writable.open().commit_files("main", writable.person.push(), a_draft(a=b"new"))
    assert git("ls-tree", "main", "p/a.yaml", cwd=writable.folder).startswith("100755 ")


def test_what_changes_nothing_is_no_commit(writable: Hosted) -> None:
    writable.person.write("p/a.yaml", "a")
    head = writable.person.push()
    assert head == writable.open().commit_files("main", head, a_draft(a=b"a", gone=None))
    assert head == git("rev-parse", "main", cwd=writable.folder)


def test_nothing_is_written_on_a_branch_that_moved(writable: Hosted) -> None:
    old = writable.person.push()
    writable.person.write("p/a.yaml", "theirs")
    new = writable.person.push()
    with pytest.raises(Stale):
        writable.open().commit_files("main", old, a_draft(a=b"ours"))
    assert new == git("rev-parse", "main", cwd=writable.folder)


def test_nothing_is_written_on_a_branch_that_someone_began(writable: Hosted) -> None:
    head = writable.person.push()
    with pytest.raises(Stale):
        writable.open().commit_files("main", None, a_draft(a=b"ours"))
    assert head == git("rev-parse", "main", cwd=writable.folder)


def test_a_branch_does_not_begin_with_nothing(writable: Hosted) -> None:
    with pytest.raises(Invalid, match="changes nothing"):
        writable.open().commit_files("main", None, a_draft(a=None))


@pytest.mark.parametrize("path", ["p", "p/a.yaml/b.yaml"])
def test_a_file_does_not_replace_a_folder_nor_the_other_way_round(writable: Hosted, path: str) -> None:
    writable.person.write("p/a.yaml", "a")
    head = writable.person.push()
    with pytest.raises(Conflict, match="in git"):
        writable.open().commit_files("main", head, Draft({path: b"x"}, MESSAGE, "Ada <ada@example.com>", AT))


def test_a_note_is_gits_own(writable: Hosted) -> None:
    commit, now = writable.person.push(), datetime.now(UTC)
    assert writable.open().note(commit, lambda note: note + "score 100\n", now)
    assert writable.open().note(commit, lambda note: note + "score 50\n", now)
    assert "score 100\nscore 50" == git("notes", "--ref", "litmus", "show", commit, cwd=writable.folder)


def test_an_equal_note_is_not_written_again(writable: Hosted) -> None:
    commit, now = writable.person.push(), datetime.now(UTC)
    writable.open().note(commit, lambda _: "score 100\n", now)
    before = git("rev-parse", "refs/notes/litmus", cwd=writable.folder)
    assert not writable.open().note(commit, lambda _: "score 100\n", now)
    assert before == git("rev-parse", "refs/notes/litmus", cwd=writable.folder)


def test_a_note_is_written_beside_those_of_other_tools(writable: Hosted) -> None:
    first = writable.person.push()
    git("notes", "--ref", "litmus", "add", "-m", "by hand", first, cwd=writable.folder)
    second = writable.person.push()
    writable.open().note(second, lambda _: "score 100\n", datetime.now(UTC))
    writable.open().note(first, lambda note: note + "score 50\n", datetime.now(UTC))
    shown = [git("notes", "--ref", "litmus", "show", commit, cwd=writable.folder) for commit in (first, second)]
    assert ["by hand\nscore 50", "score 100"] == shown


def test_a_note_that_loses_a_race_is_composed_anew(writable: Hosted) -> None:
    commit = writable.person.push()
    theirs = iter(["theirs"])

    def compose(note: str) -> str:
        for text in theirs:
            git("notes", "--ref", "litmus", "append", "-m", text, commit, cwd=writable.folder)
        return note + "ours\n"

    assert writable.open().note(commit, compose, datetime.now(UTC))
    assert "theirs\nours" == git("notes", "--ref", "litmus", "show", commit, cwd=writable.folder)


@pytest.mark.parametrize("writable", ["file"], indirect=True)
def test_a_note_that_always_loses_is_given_up(writable: Hosted) -> None:
    commit = writable.person.push()

    def compose(note: str) -> str:
        git("notes", "--ref", "litmus", "append", "-m", "theirs", commit, cwd=writable.folder)
        return note + "ours\n"

    with pytest.raises(Stale):
        writable.open().note(commit, compose, datetime.now(UTC))


def test_a_note_waits_for_a_push_that_holds_the_ref(writable: Hosted) -> None:
    commit = writable.person.push()
    writable.open().note(commit, lambda _: "before\n", datetime.now(UTC))
    lock = writable.folder / "refs" / "notes" / "litmus.lock"
    looked: list[str] = []

    def compose(note: str) -> str:
        lock.unlink() if looked else lock.touch()
        looked.append(note)
        return note + "ours\n"

    assert writable.open().note(commit, compose, datetime.now(UTC))
    assert ["before\n"] * 2 == looked
    assert "before\nours" == git("notes", "--ref", "litmus", "show", commit, cwd=writable.folder)


def test_notes_that_many_write_at_once_all_land(writable: Hosted) -> None:
    commits = [writable.person.push() for _ in range(2)]
    at_once = threading.Barrier(WRITERS)

    def write(number: int) -> bool:
        at_once.wait()
        return writable.open().note(commits[number % 2], lambda note: f"{note}{number}\n", datetime.now(UTC))

    with ThreadPoolExecutor(WRITERS) as pool:
        assert [True] * WRITERS == list(pool.map(write, range(WRITERS)))
    shown = [git("notes", "--ref", "litmus", "show", commit, cwd=writable.folder).split() for commit in commits]
    assert [sorted(map(str, range(first, WRITERS, 2))) for first in (0, 1)] == [sorted(words) for words in shown]
    git("fsck", "--strict", cwd=writable.folder)
