from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Edit, Experiment, Manifest, Problem
from shared.model.policies import Policy
from shared.rules.identity import mint
from shared.rules.sync import Plan, Portal, Reading, Tree, plan_portal, unread

THEN, NOW = "2026-01-01T00:00:00.000Z", "2026-02-02T00:00:00.000Z"
CART = Manifest("Workflow", "cart")
BROKEN = Problem("a tab indents this line", 3, 1)
POLICY = Policy("images", path="elsewhere.yaml", blob="?")


def tree(**files: str) -> Tree:
    return Tree("shop", "c2", {f"{name}.yaml": blob for name, blob in files.items()}, NOW)


def an_experiment(**changes: Any) -> Experiment:
    seen = Experiment(
        id=mint("shop", "a.yaml", "b1"),
        path="a.yaml",
        blob="b1",
        commit="c1",
        state="synced",
        updated_at=THEN,
        kind="Workflow",
        name="cart",
        manifest=CART,
    )
    return msgspec.structs.replace(seen, **changes)


def an_edit(**changes: Any) -> Edit:
    made = Edit("e1", "shop", an_experiment().id, "a.yaml", b"", "b0", "Ada <ada@example.com>", THEN)
    return msgspec.structs.replace(made, **changes)


def plan(after: Tree, portal: Portal, **readings: Reading) -> Plan:
    return plan_portal(after, portal, readings)


def test_a_new_file_becomes_an_experiment_of_the_head() -> None:
    assert Plan(upserts=(an_experiment(commit="c2", updated_at=NOW),)) == plan(tree(a="b1"), Portal(), b1=CART)


def test_an_equal_tree_plans_nothing_and_reads_nothing() -> None:
    portal = Portal((an_experiment(),), (Policy("images", path="p.yaml", blob="b9"),))
    after = tree(a="b1", p="b9")
    assert (frozenset(), Plan()) == (unread(after.files, portal), plan(after, portal))
    assert plan(after, portal).empty


def test_only_changed_files_are_read() -> None:
    assert {"b2"} == unread(tree(a="b1", b="b2").files, Portal((an_experiment(),)))


def test_a_rename_reads_nothing_and_keeps_the_commit_that_first_held_the_text() -> None:
    portal, after = Portal((an_experiment(),)), tree(z="b1")
    assert frozenset() == unread(after.files, portal)
    assert Plan(upserts=(an_experiment(path="z.yaml", updated_at=NOW),)) == plan(after, portal)


def test_a_file_that_was_broken_is_read_again() -> None:
    broken = an_experiment(state="invalid", problem=BROKEN, manifest=None)
    invalid = Policy("images", path="p.yaml", blob="b9", problem=BROKEN)
    assert {"b1", "b9"} == unread(tree(a="b1", p="b9").files, Portal((broken,), (invalid,)))


def test_a_broken_file_is_invalid_and_keeps_id_name_and_schedule() -> None:
    portal = Portal((an_experiment(schedule="installed"),))
    expected = an_experiment(
        blob="b2", commit="c2", state="invalid", problem=BROKEN, manifest=None, updated_at=NOW, schedule="installed"
    )
    assert Plan(upserts=(expected,), invalid=1) == plan(tree(a="b2"), portal, b2=BROKEN)


def test_a_new_broken_file_is_named_after_its_path() -> None:
    [upsert] = plan(tree(a="b1"), Portal(), b1=BROKEN).upserts
    assert ("", "a", "invalid", BROKEN) == (upsert.kind, upsert.name, upsert.state, upsert.problem)


def test_a_mended_file_is_the_same_experiment_again() -> None:
    portal = Portal((an_experiment(state="invalid", problem=BROKEN, manifest=None),))
    assert Plan(upserts=(an_experiment(blob="b2", commit="c2", updated_at=NOW),)) == plan(tree(a="b2"), portal, b2=CART)


def test_a_taken_id_makes_that_file_alone_invalid() -> None:
    mine = Manifest("Workflow", "cart", workflow_id="L")
    upserts = plan(tree(a="b1", b="b2"), Portal(), b1=mine, b2=mine).upserts
    problem = Problem("workflow_id 'L' belongs to a.yaml: give this file another")
    assert [("L", "synced", None), (mint("shop", "b.yaml", "b2"), "invalid", problem)] == [
        (one.id, one.state, one.problem) for one in upserts
    ]


def test_a_deleted_file_removes_the_experiment() -> None:
    assert Plan(deletions=(an_experiment(),)) == plan(tree(), Portal((an_experiment(),)))


def test_an_edit_on_its_way_is_not_removed_though_git_never_had_it() -> None:
    assert Plan() == plan(tree(), Portal((an_experiment(commit="", state="pending"),)))


def test_an_edit_that_arrived_has_the_commit_of_the_head() -> None:
    portal = Portal((an_experiment(commit="", state="pending"),), edits=(an_edit(),))
    assert {"b1"} == unread(tree(a="b1").files, portal)
    expected = an_experiment(commit="c2", state="pending", updated_at=NOW)
    assert Plan(upserts=(expected,)) == plan(tree(a="b1"), portal, b1=CART)


@pytest.mark.parametrize("state", ["pending", "conflict"])
def test_a_sync_leaves_the_standing_of_an_edit_alone(state: str) -> None:
    edit = an_edit(state=state, problem="changed in git")
    portal = Portal((an_experiment(state=state, problem=Problem("changed in git")),), edits=(edit,))
    expected = an_experiment(blob="b2", commit="c2", state=state, problem=Problem("changed in git"), updated_at=NOW)
    assert Plan(upserts=(expected,)) == plan(tree(a="b2"), portal, b2=CART)
    assert Plan() == plan(tree(a="b2"), Portal((expected,), edits=(edit,)), b2=CART)


def test_what_git_brings_back_shows_the_conflict_that_outlived_it() -> None:
    edits = (an_edit(id="e0", experiment="another"), an_edit(state="conflict", problem="removed in git"))
    shown = an_experiment(commit="c2", state="conflict", problem=Problem("removed in git"), updated_at=NOW)
    assert Plan(upserts=(shown,)) == plan(tree(a="b1"), Portal(edits=edits), b1=CART)


@pytest.mark.parametrize("state", ["pending", "conflict"])
def test_a_standing_whose_edit_is_over_is_over(state: str) -> None:
    portal = Portal((an_experiment(state=state, problem=Problem("changed in git")),))
    assert Plan(upserts=(an_experiment(updated_at=THEN),)) == plan(tree(a="b1"), portal)


@pytest.mark.parametrize("kind", ["CronWorkflow", "ChaosSchedule"])
def test_a_new_schedule_waits_for_a_persons_word(kind: Any) -> None:
    [upsert] = plan(tree(a="b1"), Portal(), b1=Manifest(kind, "nightly")).upserts
    assert "waiting" == upsert.schedule


def test_an_installed_schedule_stays_installed_when_its_file_changes() -> None:
    nightly = Manifest("CronWorkflow", "nightly")
    portal = Portal((an_experiment(kind="CronWorkflow", name="nightly", schedule="installed", manifest=nightly),))
    [upsert] = plan(tree(a="b2"), portal, b2=nightly).upserts
    assert "installed" == upsert.schedule


def test_a_policy_file_goes_into_the_book_with_its_place() -> None:
    book = (Policy("images", path="p.yaml", blob="b9"),)
    assert Plan(policies=book) == plan(tree(p="b9"), Portal(), b9=POLICY)


def test_policies_of_clusters_stay() -> None:
    ours = Policy("live", cluster="eu")
    assert Plan(policies=(ours, Policy("images", path="p.yaml", blob="b9"))) == plan(
        tree(p="b9"), Portal(policies=(ours,)), b9=POLICY
    )


def test_a_deleted_policy_file_leaves_the_book() -> None:
    assert Plan(policies=()) == plan(tree(), Portal(policies=(Policy("images", path="p.yaml", blob="b9"),)))


def test_an_invalid_policy_is_named_in_the_book_and_counted() -> None:
    invalid = msgspec.structs.replace(POLICY, problem=BROKEN)
    book = (Policy("images", path="p.yaml", blob="b9", problem=BROKEN),)
    assert Plan(policies=book, invalid=1) == plan(tree(p="b9"), Portal(), b9=invalid)


def test_a_file_that_was_a_policy_stays_one_when_it_breaks() -> None:
    portal = Portal(policies=(Policy("images", path="p.yaml", blob="b8"),))
    book = (Policy("images", path="p.yaml", blob="b9", problem=BROKEN),)
    assert Plan(policies=book, invalid=1) == plan(tree(p="b9"), portal, b9=BROKEN)


def test_an_experiment_that_becomes_a_policy_is_removed_from_the_experiments() -> None:
    book = (Policy("images", path="a.yaml", blob="b2"),)
    assert Plan(deletions=(an_experiment(),), policies=book) == plan(
        tree(a="b2"), Portal((an_experiment(),)), b2=POLICY
    )


def test_a_policy_that_becomes_an_experiment_leaves_the_book() -> None:
    portal = Portal(policies=(Policy("images", path="a.yaml", blob="b9"),))
    assert Plan(upserts=(an_experiment(commit="c2", updated_at=NOW),), policies=()) == plan(
        tree(a="b1"), portal, b1=CART
    )
