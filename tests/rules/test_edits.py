from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Draft, Edit, Experiment, Manifest, Problem
from shared.rules.edits import Fit, blob_id, draft_of, fit, marked, path_for, unmarked

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


@pytest.mark.parametrize(
    ("edit", "there", "expected"),
    [
        pytest.param(EDIT, "old", Fit(), id="git has what the author saw"),
        pytest.param(EDIT, blob_id(TEXT), Fit(done=True), id="git has the text already"),
        pytest.param(an_edit(text=None), None, Fit(done=True), id="the file is gone already"),
        pytest.param(an_edit(text=None), "old", Fit(), id="a removal of what the author saw"),
        pytest.param(an_edit(base=None), None, Fit(), id="a new file"),
    ],
)
def test_an_edit_fits(edit: Edit, there: str | None, expected: Fit) -> None:
    assert expected == fit(edit, there)


@pytest.mark.parametrize(
    ("edit", "there", "says"),
    [
        pytest.param(EDIT, "new", "was changed in git since it was read", id="changed"),
        pytest.param(EDIT, None, "was removed in git since it was read", id="removed"),
        pytest.param(an_edit(base=None), "new", "was added in git meanwhile", id="added"),
        pytest.param(
            an_edit(text=None), "new", "was changed in git since it was read", id="a removal of something else"
        ),
    ],
)
def test_an_edit_does_not_fit(edit: Edit, there: str | None, says: str) -> None:
    met = fit(edit, there)
    assert not met.done
    assert f"litmus/shop/cart.yaml {says}" in (met.conflict or "")


@pytest.mark.parametrize(
    ("edit", "verb"),
    [
        pytest.param(EDIT, "Change", id="change"),
        pytest.param(an_edit(base=None), "Add", id="add"),
        pytest.param(an_edit(text=None), "Remove", id="remove"),
    ],
)
def test_a_commit_says_what_it_does_and_which_edit_it_carries(edit: Edit, verb: str) -> None:
    message = f"{verb} litmus/shop/cart.yaml\n\nSaved in the portal.\n\nLitmus-Gitops-Edit: e1\n"
    assert Draft({EDIT.path: edit.text}, message, EDIT.author, EDIT.at) == draft_of(edit)


REFUSED = an_edit(state="conflict", problem="changed in git")


@pytest.mark.parametrize(
    ("experiment", "edits", "expected"),
    [
        pytest.param(None, [EDIT], None, id="nothing to show"),
        pytest.param(SHOWN, [EDIT], shown(state="pending"), id="pending"),
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
