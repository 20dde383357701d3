from __future__ import annotations

import uuid

import pytest

from shared.model.experiments import Experiment, Manifest, Problem
from shared.rules.identity import File, Identity, identify, mint

BROKEN = Problem("broken", 1, 1)


def labelled(workflow_id: str | None = None) -> Manifest:
    return Manifest("Workflow", "cart", workflow_id=workflow_id)


def stored(experiment: str, path: str, blob: str = "old", manifest: Manifest | None = None) -> Experiment:
    return Experiment(experiment, path, blob, "c0", "synced", "2026-01-01T00:00:00.000Z", manifest=manifest)


def ids(files: list[File], before: list[Experiment]) -> dict[str, str]:
    return {path: identity.id for path, identity in identify("shop", files, before).items()}


def test_a_minted_id_is_the_same_on_every_installation() -> None:
    home = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "gitops.litmuschaos.io"), "shop")
    assert str(uuid.uuid5(home, "litmus/shop/cart.yaml")) == mint("shop", "litmus/shop/cart.yaml", "b1")


def test_two_projects_mint_different_ids_for_the_same_path() -> None:
    assert mint("shop", "cart.yaml", "b1") != mint("bank", "cart.yaml", "b1")


def test_a_taken_id_is_minted_with_the_blob_and_then_with_a_number() -> None:
    first = mint("shop", "a.yaml", "b1")
    second = mint("shop", "a.yaml", "b1", {first})
    third = mint("shop", "a.yaml", "b1", {first, second})
    assert 4 == len({first, second, third, mint("shop", "a.yaml", "b1", {first, second, third})})


OLD = mint("shop", "a.yaml", "b1")
CASES = [
    pytest.param([File("a.yaml", "b1", labelled("L"))], [], {"a.yaml": "L"}, id="a label is the id"),
    pytest.param([File("a.yaml", "b1", labelled(""))], [], {"a.yaml": OLD}, id="an empty label is none"),
    pytest.param([File("a.yaml", "b1", labelled())], [], {"a.yaml": OLD}, id="without a label it is minted"),
    pytest.param([File("a.yaml", "b1", BROKEN)], [], {"a.yaml": OLD}, id="a broken new file is minted an id"),
    pytest.param(
        [File("a.yaml", "b2", labelled())], [stored("X", "a.yaml")], {"a.yaml": "X"}, id="a changed file keeps its id"
    ),
    pytest.param(
        [File("a.yaml", "b2", BROKEN)],
        [stored("L", "a.yaml", manifest=labelled("L"))],
        {"a.yaml": "L"},
        id="a broken file keeps the id that its path had",
    ),
    pytest.param(
        [File("a.yaml", "b2", BROKEN), File("b.yaml", "b3", labelled("L"))],
        [stored("L", "a.yaml", "b1", labelled("L"))],
        {"a.yaml": mint("shop", "a.yaml", "b2"), "b.yaml": "L"},
        id="a broken file leaves its id to one that asks for it",
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled("M"))],
        [stored("L", "a.yaml", manifest=labelled("L"))],
        {"a.yaml": "M"},
        id="another label is another experiment",
    ),
    pytest.param(
        [File("b.yaml", "b1", labelled())], [stored(OLD, "a.yaml", "b1")], {"b.yaml": OLD}, id="a rename keeps the id"
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled()), File("b.yaml", "b1", labelled())],
        [stored(OLD, "a.yaml", "b1")],
        {"a.yaml": OLD, "b.yaml": mint("shop", "b.yaml", "b1")},
        id="a copy of what stays in its place is a new experiment",
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled()), File("b.yaml", "b1", labelled())],
        [stored(OLD, "b.yaml", "b1")],
        {"a.yaml": mint("shop", "a.yaml", "b2", {OLD}), "b.yaml": OLD},
        id="a renamed file took the id along that its old path would mint",
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled(OLD)), File("b.yaml", "b1", labelled())],
        [stored(OLD, "z.yaml", "b1")],
        {"a.yaml": mint("shop", "a.yaml", "b2", {OLD}), "b.yaml": OLD},
        id="a label cannot take the id of a renamed file",
    ),
    pytest.param(
        [File("c.yaml", "b1", labelled()), File("d.yaml", "b1", labelled())],
        [stored("Y", "b.yaml", "b1"), stored("X", "a.yaml", "b1")],
        {"c.yaml": "X", "d.yaml": "Y"},
        id="equal files renamed together keep their ids in the order of paths",
    ),
    pytest.param(
        [File("a.yaml", "b1", labelled("M")), File("b.yaml", "b2", labelled("L"))],
        [stored("L", "a.yaml", "b2", labelled("L")), stored("M", "b.yaml", "b1", labelled("M"))],
        {"a.yaml": "M", "b.yaml": "L"},
        id="two labelled files may swap their paths",
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled()), File("b.yaml", "b3", labelled("L"))],
        [stored("L", "a.yaml", "b1", labelled("L"))],
        {"a.yaml": mint("shop", "a.yaml", "b2"), "b.yaml": "L"},
        id="a label given up may be taken by another file",
    ),
    pytest.param(
        [File("a.yaml", "b2", labelled())],
        [stored("L", "a.yaml", "b1", labelled("L"))],
        {"a.yaml": "L"},
        id="a label given up stays the id where no other file wants it",
    ),
    pytest.param(
        [File("a.yaml", "b3", labelled("L")), File("z.yaml", "b1", labelled("L"))],
        [stored("L", "m.yaml", "b1", labelled("L"))],
        {"a.yaml": mint("shop", "a.yaml", "b3"), "z.yaml": "L"},
        id="of two that want the label of a gone file the one renamed has it",
    ),
    pytest.param(
        [File("a.yaml", "b1", labelled("L")), File("b.yaml", "b2", labelled("L"))],
        [stored("X", "a.yaml"), stored("X2", "b.yaml")],
        {"a.yaml": "L", "b.yaml": "X2"},
        id="who asks in vain keeps the id that its path had",
    ),
    pytest.param(
        [File("a.yaml", "b9", labelled())],
        [stored("X", "a.yaml"), stored("W", "a.yaml")],
        {"a.yaml": "W"},
        id="of two records of one path one is chosen, always the same",
    ),
]


@pytest.mark.parametrize(("files", "before", "expected"), CASES)
def test_each_file_gets_its_id(files: list[File], before: list[Experiment], expected: dict[str, str]) -> None:
    assert expected == ids(files, before)


def test_the_first_to_come_keeps_a_label_against_an_earlier_path() -> None:
    files = [File("a.yaml", "b2", labelled("L")), File("b.yaml", "b1", labelled("L"))]
    given = identify("shop", files, [stored("L", "b.yaml", "b1", labelled("L"))])
    assert {"a.yaml": Identity(mint("shop", "a.yaml", "b2"), "b.yaml"), "b.yaml": Identity("L")} == given


def test_of_two_new_files_with_one_label_the_first_path_has_it() -> None:
    given = identify("shop", [File("b.yaml", "b1", labelled("L")), File("a.yaml", "b2", labelled("L"))], [])
    assert {"a.yaml": Identity("L"), "b.yaml": Identity(mint("shop", "b.yaml", "b1"), "a.yaml")} == given


def test_a_label_cannot_take_the_minted_id_of_another_file() -> None:
    files = [File("a.yaml", "b1", labelled()), File("0.yaml", "b2", labelled(OLD))]
    given = identify("shop", files, [stored(OLD, "a.yaml", "b1", labelled())])
    assert {"a.yaml": Identity(OLD), "0.yaml": Identity(mint("shop", "0.yaml", "b2"), "a.yaml")} == given
