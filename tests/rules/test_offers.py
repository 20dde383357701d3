from __future__ import annotations

from collections.abc import Container
from typing import Any

import msgspec
import pytest

from shared.model.experiments import Edit, Experiment, Problem
from shared.rules.edits import blob_id
from shared.rules.offers import ONLY_HERE, clashes, export_of, is_offered, offered, place_in

KILL = Experiment("kill", "old/kill.yaml", "b1", "c1", "synced", "then", name="kill")


def offer(name: str) -> Edit:
    return Edit(f"e-{name}", "shop", name, f"new/{name}.yaml", name.encode(), None, "", "", "offered")


@pytest.mark.parametrize(
    ("folder", "path", "taken", "expected"),
    [
        pytest.param("litmus/shop", "litmus/shop/a/kill.yaml", (), "litmus/shop/a/kill.yaml", id="it lies there"),
        pytest.param("/litmus/shop/", "litmus/shop/kill.yml", (), "litmus/shop/kill.yml", id="slashes"),
        pytest.param("other", "litmus/shop/a/kill.yaml", (), "other/kill.yaml", id="another folder"),
        pytest.param("", "litmus/shop/kill.yaml", (), "litmus/shop/kill.yaml", id="all of the repository"),
        pytest.param("other", "a/kill.yaml", ("other/kill.yaml",), "other/kill-2.yaml", id="taken"),
        pytest.param("o", "o/k.yaml", ("o/k.yaml", "o/k-2.yaml"), "o/k-3.yaml", id="taken twice"),
        pytest.param("litmus/shop", "litmus/shopping/k.yaml", (), "litmus/shop/k.yaml", id="a folder named alike"),
    ],
)
def test_where_an_offer_goes(folder: str, path: str, taken: Container[str], expected: str) -> None:
    assert expected == place_in(folder, path, taken)


def test_an_offered_experiment_is_pending_without_a_commit_and_says_why() -> None:
    shown = offered(KILL, "new/kill.yaml", "now")
    expected = ("new/kill.yaml", "", "pending", ONLY_HERE)
    assert expected == (shown.path, shown.commit, shown.state, shown.problem and shown.problem.message)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="offered"),
        pytest.param({"commit": "c2"}, False, id="in git"),
        pytest.param({"problem": None}, False, id="an edit waits for git"),
        pytest.param({"problem": Problem("odd")}, False, id="something else is wrong"),
        pytest.param({"state": "conflict"}, False, id="in conflict"),
    ],
)
def test_what_counts_as_offered(changes: dict[str, Any], expected: bool) -> None:
    assert expected == is_offered(msgspec.structs.replace(offered(KILL, "p", ""), **changes))


def test_what_git_holds_in_an_offers_place_clashes_unless_it_is_the_same() -> None:
    edits = [offer("a"), offer("b"), offer("c")]
    assert ["new/b.yaml"] == clashes(edits, {"new/a.yaml": blob_id(b"a"), "new/b.yaml": "other", "x": "y"})


def test_one_commit_carries_all_and_names_each() -> None:
    one, two = export_of([offer("a")], "Ada <a@b>", "now"), export_of([offer("a"), offer("b")], "Ada <a@b>", "now")
    assert "Add new/a.yaml\n\nExported from the portal.\n\nLitmus-Gitops-Edit: e-a\n" == one.message
    assert "Add 2 files that only the portal had" == two.message.partition("\n")[0]
    assert {"new/a.yaml": b"a", "new/b.yaml": b"b"} == two.changes
