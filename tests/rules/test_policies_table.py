"""docs/policies.md is the definition of the policies' semantics, so its tables are run row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import pytest

from shared.model.changes import Change, Side, Workload
from shared.model.experiments import Manifest, Problem
from shared.model.heartbeats import Asked
from shared.model.policies import Policy
from shared.rules.digests import digest
from shared.rules.policies import decide
from shared.rules.sealing import asked_of, sealed
from shared.rules.sides import changed, metadata_changed
from shared.wire.files import read_file

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "policies.md"
NOTHING: Final = "\N{EN DASH}"
EXPERIMENTS: Final = ("pod-delete", "pod-cpu-hog")
CLUSTER: Final = Workload("c1", "Deployment", "shop", "web")
LABELS: Final = {"env": "staging"}
USUAL: Final[dict[str, Any]] = {
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "labels": {"app": "web", "tier": "front"},
        "annotations": {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": ",".join(EXPERIMENTS)},
    },
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.18"}]}}},
}


class Case(NamedTuple):
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    spec: str | None
    actor: str
    expected: tuple[str, ...]


class Row(NamedTuple):
    line: int
    cells: dict[str, str]


def rows(*columns: str) -> Iterator[Row]:
    head: list[str] = []
    for number, line in enumerate(DOCUMENT.read_text().splitlines(), 1):
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            head = []
        elif not head:
            head = cells
        elif not set("".join(cells)) <= {"-"} and set(columns) <= set(head):
            yield Row(number, dict(zip(head, (cell.strip("`") for cell in cells), strict=True)))


def merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: merged(base.get(key), value) for key, value in over.items()}


def placed(key: str, value: str) -> dict[str, Any]:
    """The usual metadata, and a JSON value at the path with which the key begins."""
    content: dict[str, Any] = {"metadata": USUAL["metadata"]}
    if value == NOTHING:
        return content
    path = re.findall(r'"[^"]+"|\w+', re.split(r"[\[ ]", key)[0])
    inner = json.loads(value)
    for step in reversed(path):
        inner = {step.strip('"'): inner}
    both: dict[str, Any] = merged(content, inner)
    return both


def expected(cell: str) -> tuple[str, ...]:
    answer, _, named = cell.partition(": ")
    assert answer in {"yes", "no"}
    return () if answer == "no" else (named.strip("`"),) if named else EXPERIMENTS


def single(row: dict[str, str]) -> Case:
    condition = {"key": row["condition"], "operator": row["operator"]}
    if row["value"] != NOTHING:
        condition["value"] = row["value"]
    old, new = (placed(row["condition"], row[side]) for side in ("old", "new"))
    return Case(old, new, json.dumps({"conditions": [condition]}), "admin", expected(row["expected"]))


def whole(row: dict[str, str]) -> Case:
    old = None if row["old"] == NOTHING else merged(USUAL, json.loads(row["old"]))
    fresh = None if row["new"] == NOTHING else json.loads(row["new"])
    watched = {"metadata": {"annotations": {"litmuschaos.io/gitops": "true"}}}
    new = None if fresh is None else merged(merged(old or USUAL, watched), fresh)
    spec = None if row["policy"] == NOTHING else row["policy"]
    return Case(old, new, spec, row.get("by") or "admin", expected(row["expected"]))


def policies(spec: str | None) -> list[Policy]:
    if spec is None:
        return []
    head = "apiVersion: eventtracker.litmuschaos.io/v1\nkind: EventTrackerPolicy\nmetadata: {name: tried}\n"
    read = read_file("tried.yaml", f"{head}spec: {spec}\n".encode())
    assert isinstance(read, Policy)
    return [read]


def side(content: dict[str, Any] | None) -> Side | None:
    return None if content is None else Side("u1", content, digest(content), generation=1)


def change(case: Case) -> Change:
    old, new = side(case.old), side(case.new)
    operation: Literal["CREATE", "UPDATE", "DELETE"] = "CREATE" if old is None else "UPDATE" if new else "DELETE"
    shown = new or old
    assert shown
    return Change(
        CLUSTER, "admission", operation, case.actor, "", shown, old, changed(old, shown), metadata_changed(old, shown)
    )


def sealed_change(case: Case, asked: Asked) -> Change:
    told = change(case)
    new, old = sealed(told.new, b"k", asked), told.old and sealed(told.old, b"k", asked)
    return msgspec.structs.replace(
        told, new=new, old=old, changed=changed(old, new), metadata_changed=metadata_changed(old, new)
    )


SINGLE: Final = list(rows("condition", "operator", "value"))
WHOLE: Final = list(rows("policy", "expected"))
CASES: Final = [
    *(pytest.param(single(row.cells), id=f"line {row.line}: {row.cells['why']}") for row in SINGLE),
    *(pytest.param(whole(row.cells), id=f"line {row.line}: {row.cells['why']}") for row in WHOLE),
]


@pytest.mark.parametrize("case", CASES)
def test_the_table_is_what_happens(case: Case) -> None:
    decision = decide(change(case), policies(case.spec), default_policy=True, labels=LABELS)

    assert case.expected == decision.experiments, decision.reason


@pytest.mark.parametrize("case", CASES)
def test_the_table_is_what_happens_to_objects_that_came_sealed(case: Case) -> None:
    tried = policies(case.spec)
    decision = decide(sealed_change(case, asked_of(tried, "c1")), tried, default_policy=True, labels=LABELS)

    assert case.expected == decision.experiments, decision.reason
    assert not any(one.unknown for one in decision.opinions)


@pytest.mark.parametrize("case", CASES)
def test_what_a_cluster_was_not_asked_for_starts_nothing_that_the_table_does_not(case: Case) -> None:
    decision = decide(sealed_change(case, Asked()), policies(case.spec), default_policy=True, labels=LABELS)

    assert set(decision.experiments) <= set(case.expected), decision.reason
    assert decision.experiments == case.expected or any(one.unknown for one in decision.opinions)


def test_the_table_has_at_least_200_rows_and_none_twice() -> None:
    seen = [tuple(row.cells.values())[:-1] for row in (*SINGLE, *WHOLE)]

    assert len(seen) >= 200
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(apiVersion.*?)```", DOCUMENT.read_text(), re.DOTALL))
def test_the_examples_are_valid_policies(text: str) -> None:
    read = read_file("example.yaml", text.encode())

    assert not isinstance(read, Manifest | Problem)
    assert read.problem is None
