"""From any stored state and any tree, one plan makes the portal equal to git, and a second plan is empty."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from shared.model.experiments import Experiment, Manifest, Problem
from shared.model.policies import Policy
from shared.rules.identity import mint
from shared.rules.sync import Plan, Portal, Reading, Tree, plan_portal, unread

PATHS = [f"{name}.yaml" for name in "abcd"]
BLOBS: dict[str, Reading] = {
    "plain": Manifest("Workflow", "plain"),
    "other": Manifest("CronWorkflow", "other"),
    "one": Manifest("Workflow", "one", workflow_id="L1"),
    "uno": Manifest("Workflow", "uno", workflow_id="L1"),
    "two": Manifest("ChaosEngine", "two", workflow_id="L2"),
    "thief": Manifest("Workflow", "thief", workflow_id=mint("shop", "a.yaml", "plain")),
    "broken": Problem("broken", 1, 1),
    "policy": Policy("images"),
    "wrong": Policy("wrong", problem=Problem("no conditions")),
}
TREES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(sorted(BLOBS)), max_size=4)
IDS = [mint("shop", path, blob) for path in PATHS for blob in ("plain", "broken")] + ["L1", "L2", "X"]


def a_reading(blob: str) -> Reading:
    return BLOBS[blob]


@st.composite
def an_experiment(draw: st.DrawFn, experiment: str) -> Experiment:
    blob = draw(st.sampled_from([name for name, says in BLOBS.items() if not isinstance(says, Policy)]))
    says = BLOBS[blob]
    manifest = says if isinstance(says, Manifest) else None
    return Experiment(
        id=experiment,
        path=draw(st.sampled_from([*PATHS, "gone.yaml"])),
        blob=blob,
        commit=draw(st.sampled_from(["", "c0"])),
        state=draw(st.sampled_from(["synced", "invalid", "pending", "conflict"])) if manifest else "invalid",
        updated_at="2026-01-01T00:00:00.000Z",
        problem=says if isinstance(says, Problem) else None,
        manifest=manifest,
    )


@st.composite
def a_portal(draw: st.DrawFn) -> Portal:
    ids = draw(st.lists(st.sampled_from(sorted(set(IDS))), unique=True, max_size=5))
    policies = draw(st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["policy", "wrong", "old"]), max_size=2))
    book = tuple(Policy(blob, path=path, blob=blob) for path, blob in sorted(policies.items()))
    return Portal(tuple(draw(an_experiment(name)) for name in sorted(ids)), book)


def carry_out(portal: Portal, plan: Plan) -> Portal:
    experiments = {one.id: one for one in portal.experiments}
    for gone in plan.deletions:
        del experiments[gone.id]
    experiments |= {one.id: one for one in plan.upserts}
    policies = portal.policies if plan.policies is None else plan.policies
    return Portal(tuple(experiments[name] for name in sorted(experiments)), policies)


def look(portal: Portal, files: dict[str, str], commit: str) -> Plan:
    wanted = unread(files, portal)
    return plan_portal(Tree("shop", commit, files, commit), portal, {blob: a_reading(blob) for blob in wanted})


@given(a_portal(), TREES)
@example(Portal(), {"a.yaml": "one", "b.yaml": "uno", "c.yaml": "thief", "d.yaml": "plain"})
def test_one_plan_makes_the_portal_equal_to_git(portal: Portal, files: dict[str, str]) -> None:
    after = carry_out(portal, look(portal, files, "c1"))
    shown = {one.path: one.blob for one in after.experiments if one.commit}
    book = {policy.path or "": policy.blob or "" for policy in after.policies}
    assert files == shown | book
    assert len(shown) + len(book) == len(files)


@given(a_portal(), TREES)
def test_a_second_plan_is_empty(portal: Portal, files: dict[str, str]) -> None:
    after = carry_out(portal, look(portal, files, "c1"))
    assert Plan(wrong=look(portal, files, "c1").wrong) == look(after, files, "c2")


@given(a_portal(), TREES)
def test_a_valid_file_shows_what_it_says(portal: Portal, files: dict[str, str]) -> None:
    after = carry_out(portal, look(portal, files, "c1"))
    for one in after.experiments:
        if one.commit:
            says = a_reading(one.blob)
            assert (says if isinstance(says, Manifest) else None) == one.manifest


@given(a_portal(), st.lists(TREES, max_size=4))
def test_any_way_to_a_tree_ends_with_each_file_shown_once(portal: Portal, trees: list[dict[str, str]]) -> None:
    for number, files in enumerate(trees):
        portal = carry_out(portal, look(portal, files, f"c{number + 1}"))
    last = trees[-1] if trees else None
    assert last is None or sorted(last) == sorted(
        [one.path for one in portal.experiments if one.commit] + [policy.path or "" for policy in portal.policies]
    )


@given(TREES, TREES)
def test_a_file_that_does_not_change_keeps_its_id(before: dict[str, str], after: dict[str, str]) -> None:
    first = carry_out(Portal(), look(Portal(), before, "c1"))
    second = carry_out(first, look(first, after, "c2"))
    old = {(one.path, one.blob): one.id for one in first.experiments if one.state == "synced"}
    new = {(one.path, one.blob): one.id for one in second.experiments if one.commit}
    assert {place: old[place] for place in old.keys() & new.keys()} == {
        place: new[place] for place in old.keys() & new.keys()
    }
