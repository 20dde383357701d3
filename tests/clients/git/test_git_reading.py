from __future__ import annotations

import os

import pytest

from shared.errors import Invalid, NotFound, Stale, Unavailable
from shared.model.hosting import Access
from shared.rules.edits import blob_id
from tests.clients.git.conftest import Hosted
from tests.gitserver import git


def test_the_head_of_a_branch_is_its_commit(hosted: Hosted) -> None:
    hosted.person.write("a.yaml", "a")
    commit = hosted.person.push()
    assert commit == hosted.open().head("main")


def test_an_empty_repository_has_no_head(hosted: Hosted) -> None:
    assert hosted.open().head("main") is None


def test_a_branch_whose_name_begins_the_same_is_another(writable: Hosted) -> None:
    writable.person.branch = "main-2"
    writable.person.push()
    assert writable.open().head("main") is None


def test_a_name_that_git_does_not_allow_is_refused(writable: Hosted) -> None:
    with pytest.raises(Invalid, match=r"'a\.\.b' is no name that git allows"):
        writable.open().head("a..b")


def test_the_manifests_below_a_folder_are_listed_with_their_blobs(hosted: Hosted) -> None:
    hosted.person.write("litmus/shop/a.yaml", "a")
    hosted.person.write("litmus/shop/deep/er/b.yml", "b")
    hosted.person.write("litmus/shop/README.md", "no manifest")
    hosted.person.write("litmus/shop/.yaml/c.txt", "a folder with an odd name")
    hosted.person.write("litmus/bank/d.yaml", "another project")
    commit = hosted.person.push()
    tree = git("rev-parse", "HEAD:litmus/shop", cwd=hosted.person.folder)
    expected = {"litmus/shop/a.yaml": blob_id(b"a"), "litmus/shop/deep/er/b.yml": blob_id(b"b")}
    assert (tree, expected) == hosted.open().files(commit, "litmus/shop")


def test_a_folder_may_be_the_whole_repository(writable: Hosted) -> None:
    writable.person.write("a.yaml", "a")
    writable.person.write("b/b.yaml", "b")
    commit = writable.person.push()
    assert {"a.yaml": blob_id(b"a"), "b/b.yaml": blob_id(b"b")} == writable.open().files(commit, "")[1]


def test_a_folder_that_is_not_there_is_empty(hosted: Hosted) -> None:
    hosted.person.write("a.yaml", "a")
    assert (None, {}) == hosted.open().files(hosted.person.push(), "litmus/shop")


def test_links_submodules_and_programs_are_told_apart(writable: Hosted) -> None:
    writable.person.write("p/run.yaml", "may be run")
    (writable.person.folder / "p/run.yaml").chmod(0o755)
    (writable.person.folder / "p/link.yaml").symlink_to("run.yaml")
    first = writable.person.push()
    git("update-index", "--add", "--cacheinfo", f"160000,{first},p/module.yaml", cwd=writable.person.folder)
    git("commit", "-q", "-m", "A submodule.", cwd=writable.person.folder)
    git("push", "-q", "origin", "HEAD:main", cwd=writable.person.folder)
    commit = git("rev-parse", "HEAD", cwd=writable.person.folder)
    assert {"p/run.yaml": blob_id(b"may be run")} == writable.open().files(commit, "p")[1]


def test_a_file_in_the_folders_place_is_named(writable: Hosted) -> None:
    writable.person.write("litmus", "a file")
    with pytest.raises(Invalid, match="'litmus/shop' is no folder in this repository"):
        writable.open().files(writable.person.push(), "litmus/shop")


def test_a_name_that_is_no_utf8_is_shown_escaped(writable: Hosted) -> None:
    (writable.person.folder / "p").mkdir()
    (writable.person.folder / os.fsdecode(b"p/caf\xe9.yaml")).write_text("a")
    assert {"p/caf\\xe9.yaml": blob_id(b"a")} == writable.open().files(writable.person.push(), "p")[1]


def test_wanted_files_are_read(hosted: Hosted) -> None:
    hosted.person.write("p/a.yaml", "a")
    hosted.person.write("p/b.yaml", b"\xff\x00b")
    commit = hosted.person.push()
    wanted = [blob_id(b"a"), blob_id(b"\xff\x00b")]
    assert {wanted[0]: b"a", wanted[1]: b"\xff\x00b"} == hosted.open().blobs(commit, wanted)


def test_nothing_is_read_where_nothing_is_wanted(hosted: Hosted) -> None:
    assert {} == hosted.open().blobs("0" * 40, [])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(256 << 10, 256 << 10, id="as large as may be"),
        pytest.param((256 << 10) + 1, (256 << 10) + 1, id="one byte more"),
        pytest.param(9 << 20, (256 << 10) + 1, id="so large that it is not kept"),
    ],
)
def test_of_a_file_too_large_only_that_is_read(writable: Hosted, size: int, expected: int) -> None:
    large, small = b"#" * size, b"a"
    writable.person.write("p/large.yaml", large)
    writable.person.write("p/small.yaml", small)
    commit = writable.person.push()
    remote = writable.open()
    remote.files(commit, "p")
    found = remote.blobs(commit, [blob_id(large), blob_id(small)])
    assert (expected, small) == (len(found[blob_id(large)]), found[blob_id(small)])


def test_a_rewritten_branch_is_read_as_it_is(writable: Hosted) -> None:
    writable.person.write("p/a.yaml", "a")
    writable.person.push()
    git("checkout", "-q", "--orphan", "anew", cwd=writable.person.folder)
    git("rm", "-rfq", ".", cwd=writable.person.folder)
    writable.person.write("p/b.yaml", "b")
    commit = writable.person.push("Begin again.", "--force")
    remote = writable.open()
    assert commit == remote.head("main")
    assert {"p/b.yaml": blob_id(b"b")} == remote.files(commit, "p")[1]


def test_a_repository_that_is_not_there_is_told(writable: Hosted) -> None:
    with pytest.raises(NotFound, match=r"no(t a|) (git )?repository"):
        writable.remotes(Access(writable.url.replace("chaos.git", "none.git"))).head("main")


def test_a_commit_that_is_not_there_is_asked_for_again_later(hosted: Hosted) -> None:
    hosted.person.push()
    with pytest.raises((Stale, Unavailable)):
        hosted.open().files("d" * 40, "p")


def test_files_that_are_packed_as_deltas_are_read(hosted: Hosted) -> None:
    texts = [f"kind: Workflow\nname: e{number}\n".encode() + b"step: wait\n" * 40 for number in range(100)]
    for number, text in enumerate(texts):
        hosted.person.write(f"p/e{number:03}.yaml", text)
    commit = hosted.person.push()
    git("gc", "-q", cwd=hosted.folder)
    remote = hosted.open()
    _, files = remote.files(commit, "p")
    assert {blob_id(text): text for text in texts} == remote.blobs(commit, files.values())
