from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Draft, Edit, Experiment, Manifest, Problem
from shared.rules.edits import (
    Fit,
    astray,
    blob_id,
    draft_of,
    fit,
    followed,
    homed,
    late,
    marked,
    path_for,
    unmarked,
)

TEXT = b"kind: Workflow\n"
EDIT = Edit("e1", "shop", "L", "litmus/shop/cart.yaml", TEXT, "old", "Ada <ada@example.com>", "2026-01-01T00:00:00Z")
SHOWN = Experiment(
    "L", "litmus/shop/cart.yaml", "old", "c1", "synced", "2026-01-01T00:00:00Z", manifest=Manifest("Workflow", "cart")
)


def an_edit(**changes: Any) -> Edit:
    return msgspec.structs.replace(EDIT, **changes)


def shown(**changes: Any) -> Experiment:
    return msgspec.structs.replace(SHOWN, **changes)


def test_a_blob_id_is_gits_own() -> None:
    assert "ce013625030ba8dba906f756967f9e9ca394464a" == blob_id(b"hello\n")


@pytest.mark.parametrize(
    ("folder", "name", "taken", "expected"),
    [
        pytest.param("litmus/shop", "Pod Delete / Cart!", set(), "litmus/shop/pod-delete-cart.yaml", id="slug"),
        pytest.param("litmus/shop/", "cart", {"litmus/shop/cart.yaml"}, "litmus/shop/cart-2.yaml", id="taken"),
        pytest.param("", "cart", {"cart.yaml", "cart-2.yaml"}, "cart-3.yaml", id="taken twice at the root"),
        pytest.param("f", "???", set(), "f/experiment.yaml", id="no letter"),
        pytest.param("f", "a" * 62 + " b", set(), "f/" + "a" * 62 + ".yaml", id="cut off without a dash"),
    ],
)
def test_a_new_file_is_named_after_its_experiment(folder: str, name: str, taken: set[str], expected: str) -> None:
    assert expected == path_for(folder, name, taken)


PATH, AWAY = EDIT.path, "litmus/shop/away.yaml"
RENAME = an_edit(moves=AWAY, base=blob_id(TEXT))


@pytest.mark.parametrize(
    ("edit", "files", "expected"),
    [
        pytest.param(EDIT, {PATH: "old"}, Fit(), id="git has what the author saw"),
        pytest.param(EDIT, {PATH: blob_id(TEXT)}, Fit(done=True), id="git has the text already"),
        pytest.param(an_edit(text=None), {}, Fit(done=True), id="the file is gone already"),
        pytest.param(an_edit(text=None), {PATH: "old"}, Fit(), id="a removal of what the author saw"),
        pytest.param(an_edit(base=None), {}, Fit(), id="a new file"),
        pytest.param(EDIT, {PATH: "new"}, Fit(merge=True), id="git changed it"),
        pytest.param(RENAME, {AWAY: blob_id(TEXT)}, Fit(), id="a rename"),
        pytest.param(RENAME, {AWAY: "new"}, Fit(merge=True), id="a rename of what git changed"),
    ],
)
def test_an_edit_fits_or_can_be_merged(edit: Edit, files: dict[str, str], expected: Fit) -> None:
    assert expected == fit(edit, files)


@pytest.mark.parametrize(
    ("edit", "files", "says"),
    [
        pytest.param(EDIT, {}, f"{PATH} was removed in git since it was read: settle by hand", id="removed"),
        pytest.param(
            an_edit(base=None), {PATH: "new"}, f"{PATH} was added in git meanwhile: settle by hand", id="added"
        ),
        pytest.param(
            an_edit(text=None),
            {PATH: "new"},
            f"{PATH} was changed in git since it was read, and this removes it: settle by hand",
            id="a removal of something else",
        ),
        pytest.param(
            RENAME, {AWAY: "old", PATH: "x"}, f"{PATH} is taken in git: choose another path", id="a path in use"
        ),
        pytest.param(
            RENAME, {}, f"{AWAY} was removed in git since it was read: settle by hand", id="a rename of what is gone"
        ),
    ],
)
def test_an_edit_does_not_fit(edit: Edit, files: dict[str, str], says: str) -> None:
    assert Fit(conflict=says) == fit(edit, files)


@pytest.mark.parametrize(
    ("edit", "files", "expected"),
    [
        pytest.param(EDIT, {PATH: "new"}, False, id="in its place"),
        pytest.param(EDIT, {}, True, id="gone"),
        pytest.param(an_edit(base=None), {}, False, id="yet to be made"),
        pytest.param(an_edit(base=None, moves=AWAY), {}, True, id="moved"),
    ],
)
def test_an_edit_is_astray_without_its_file(edit: Edit, files: dict[str, str], expected: bool) -> None:
    assert expected == astray(edit, files)


@pytest.mark.parametrize(
    ("edit", "home", "expected"),
    [
        pytest.param(EDIT, PATH, EDIT, id="at home"),
        pytest.param(EDIT, AWAY, an_edit(path=AWAY), id="moved in git"),
        pytest.param(RENAME, AWAY, RENAME, id="a rename from home"),
        pytest.param(RENAME, "b", an_edit(moves="b", base=RENAME.base), id="a rename of what git moved"),
        pytest.param(RENAME, PATH, an_edit(base=RENAME.base), id="a rename that git made already"),
    ],
)
def test_an_edit_goes_home(edit: Edit, home: str, expected: Edit) -> None:
    assert expected == homed(edit, home)


@pytest.mark.parametrize(
    ("edit", "files", "homes", "expected"),
    [
        pytest.param(EDIT, {AWAY: "old"}, {PATH}, an_edit(path=AWAY), id="git renamed it just now"),
        pytest.param(EDIT, {AWAY: "old", "b": "old"}, {PATH}, EDIT, id="two could be it"),
        pytest.param(EDIT, {AWAY: "old"}, {PATH, AWAY}, EDIT, id="another experiment has the same text"),
        pytest.param(EDIT, {AWAY: "new"}, {PATH}, EDIT, id="nothing like it"),
        pytest.param(an_edit(moves="a", path="b"), {AWAY: "old"}, {"a"}, an_edit(moves=AWAY, path="b"), id="a rename"),
        pytest.param(RENAME, {PATH: "x"}, {AWAY}, an_edit(base=RENAME.base), id="a rename that git made already"),
    ],
)
def test_an_edit_follows_its_file(edit: Edit, files: dict[str, str], homes: set[str], expected: Edit) -> None:
    assert expected == followed(edit, files, homes)


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        pytest.param("c0", [], id="nobody pushed on top of what was merged"),
        pytest.param("c2", ["e3", "e4"], id="two edits were pushed on top of it"),
        pytest.param("c1", ["e2", "e3", "e4"], id="all but the first"),
    ],
)
def test_edits_on_top_of_what_was_merged_are_late(merged: str, expected: list[str]) -> None:
    edits = [an_edit(id=f"e{number}", commit=f"c{number}", onto=f"c{number - 1}") for number in (2, 3, 4)]
    assert expected == [edit.id for edit in late([an_edit(id="e1", commit="c1", onto="main"), *edits], merged)]


@pytest.mark.parametrize(
    ("edit", "title"),
    [
        pytest.param(EDIT, f"Change {PATH}", id="change"),
        pytest.param(an_edit(base=None), f"Add {PATH}", id="add"),
        pytest.param(an_edit(text=None), f"Remove {PATH}", id="remove"),
        pytest.param(RENAME, f"Rename {AWAY} to {PATH}", id="rename"),
    ],
)
def test_a_commit_says_what_it_does_and_which_edit_it_carries(edit: Edit, title: str) -> None:
    changes = {PATH: edit.text} if edit.moves is None else {AWAY: None, PATH: edit.text}
    message = f"{title}\n\nSaved in the portal.\n\nLitmus-Gitops-Edit: e1\n"
    assert Draft(changes, message, EDIT.author, EDIT.at) == draft_of(edit)


def test_a_commit_says_that_it_is_a_merge() -> None:
    said = "Saved in the portal, and merged with what git held by then."
    assert f"Change {PATH}\n\n{said}\n\nLitmus-Gitops-Edit: e1\n" == draft_of(EDIT, merged=True).message


REFUSED = an_edit(state="conflict", problem="changed in git")


@pytest.mark.parametrize(
    ("experiment", "edits", "expected"),
    [
        pytest.param(None, [EDIT], None, id="nothing to show"),
        pytest.param(SHOWN, [EDIT], shown(state="pending"), id="pending"),
        pytest.param(
            SHOWN, [an_edit(state="proposed", pull=7)], shown(state="pending", pull=7), id="in a pull request"
        ),
        pytest.param(shown(state="pending", pull=7), [], SHOWN, id="its pull request is over"),
        pytest.param(
            SHOWN, [REFUSED], shown(state="conflict", problem=Problem("changed in git")), id="conflict with its reason"
        ),
        pytest.param(
            SHOWN,
            [REFUSED, an_edit(id="e2")],
            shown(state="pending", problem=Problem("changed in git")),
            id="one more try",
        ),
        pytest.param(shown(state="pending"), [], SHOWN, id="no edit left"),
        pytest.param(shown(commit="", state="pending"), [], None, id="git never had it"),
        pytest.param(shown(commit="", state="synced"), [EDIT], shown(commit="", state="pending"), id="new and pending"),
        pytest.param(
            shown(manifest=None, state="invalid", problem=Problem("tab")),
            [REFUSED],
            shown(manifest=None, state="conflict", problem=Problem("tab")),
            id="a broken file keeps its own problem",
        ),
    ],
)
def test_open_edits_mark_their_experiment(
    experiment: Experiment | None, edits: list[Edit], expected: Experiment | None
) -> None:
    assert expected == marked(experiment, edits)


def test_a_broken_file_is_invalid_again_without_its_edit() -> None:
    broken = shown(manifest=None, state="pending", problem=Problem("tab"))
    assert shown(manifest=None, state="invalid", problem=Problem("tab")) == unmarked(broken)


def test_an_invalid_experiment_without_edits_stays_invalid() -> None:
    rival = shown(state="invalid", problem=Problem("workflow_id 'L' belongs to a.yaml"))
    assert rival == unmarked(rival)
