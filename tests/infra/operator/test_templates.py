from typing import Any

import pytest

from infra.demo.operator.templates import groups


def steps(name: str, *names: list[str]) -> dict[str, Any]:
    return {"name": name, "steps": [[{"name": one, "template": one} for one in group] for group in names]}


LEAVES = [{"name": name} for name in ("a", "b", "c", "d")]


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        pytest.param([steps("main", ["a"], ["b", "c"])], [["a"], ["b", "c"]], id="steps"),
        pytest.param([{"name": "main", "container": {}}], [["main"]], id="a-single-template"),
        pytest.param(
            [steps("main", ["a"], ["inner"]), steps("inner", ["b"], ["c"])], [["a"], ["b"], ["c"]], id="nested"
        ),
        pytest.param(
            [steps("main", ["inner", "d"]), steps("inner", ["b"], ["c"])], [["b"], ["c"], ["d"]], id="nested-beside"
        ),
        pytest.param(
            [{"name": "main", "dag": {"tasks": [{"name": "x", "template": "a"}, {"name": "y", "template": "b"}]}}],
            [["a"], ["b"]],
            id="dag-in-its-written-order",
        ),
        pytest.param([steps("main", ["nobody"], ["a"])], [["a"]], id="unknown-template"),
        pytest.param([], [], id="no-entrypoint"),
    ],
)
def test_templates_run_in_groups(templates: list[dict[str, Any]], expected: list[list[str]]) -> None:
    workflow = {"metadata": {"name": "w"}, "spec": {"entrypoint": "main", "templates": [*templates, *LEAVES]}}
    assert expected == [[template["name"] for template in group] for group in groups(workflow)]
