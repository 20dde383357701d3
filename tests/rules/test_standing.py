from __future__ import annotations

import pytest
from msgspec.structs import replace

from shared.model.experiments import Experiment, Manifest, Problem
from shared.rules.offers import offered
from shared.rules.standing import unfit

MANIFEST = Manifest("Workflow", "kill")


def experiment(state: str, manifest: Manifest | None = MANIFEST, problem: Problem | None = None) -> Experiment:
    return Experiment("kill", "litmus/shop/kill.yaml", "b", "c", state, "", problem=problem, manifest=manifest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "words", "waits"),
    [
        pytest.param(experiment("synced"), None, None, id="as git has it"),
        pytest.param(None, "there is no experiment kill at the head", False, id="not in git"),
        pytest.param(experiment("pending"), "an edit of litmus/shop/kill.yaml is not in git yet", True, id="pending"),
        pytest.param(replace(experiment("pending"), pull=7), None, None, id="as git has it beside a pull request"),
        pytest.param(
            replace(experiment("pending"), pull=7, commit=""), "is not in git yet", True, id="in a pull request alone"
        ),
        pytest.param(offered(experiment("synced"), "p.yaml", ""), "p.yaml is only in the portal", False, id="offered"),
        pytest.param(experiment("conflict"), "is conflict: it has not been read", False, id="conflict"),
        pytest.param(experiment("invalid", None, Problem("no kind")), "is invalid: no kind", False, id="invalid"),
        pytest.param(experiment("synced", None), "is synced: it has not been read", False, id="unread"),
    ],
)
def test_only_what_git_has_at_its_head_may_run(found: Experiment | None, words: str | None, waits: bool | None) -> None:
    refusal = unfit(found, "kill")
    assert waits == (refusal and refusal.wait)
    assert (words or "") in (refusal.reason if refusal else "")
