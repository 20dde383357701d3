from __future__ import annotations

import msgspec
import pytest

from shared.model.projects import Safety
from shared.model.runs import Recent
from shared.rules.safety import refuse
from tests.rules.test_safety_at_dispatch import FACTS

CAREFUL = Safety(approval_namespaces=("pay*", "auth"))


@pytest.mark.parametrize(
    ("safety", "namespaces", "expected"),
    [
        pytest.param(Safety(), ("payments",), None, id="nothing needs it"),
        pytest.param(CAREFUL, ("shop",), None, id="another namespace"),
        pytest.param(CAREFUL, ("shop", "payments"), "namespace payments needs a person's approval", id="one of two"),
        pytest.param(
            CAREFUL,
            ("shop", None),
            "the experiment does not say its namespace, and pay*, auth need a person's approval",
            id="one that is not known",
        ),
        pytest.param(
            CAREFUL,
            (),
            "the experiment does not say its namespace, and pay*, auth need a person's approval",
            id="none that is known",
        ),
    ],
)
def test_what_names_such_a_namespace_waits_until_it_is_approved(
    safety: Safety, namespaces: tuple[str | None, ...], expected: str | None
) -> None:
    facts = msgspec.structs.replace(FACTS, safety=safety, namespaces=namespaces)
    found = refuse("dispatch", facts)
    assert (expected, expected and ("approval", True)) == (
        found and found.reason,
        found and (found.rule, found.wait),
    )
    assert refuse("dispatch", msgspec.structs.replace(facts, approved=True)) is None
    assert refuse("decision", facts) is None


def test_a_storm_is_released_before_single_runs_are_approved() -> None:
    facts = msgspec.structs.replace(FACTS, safety=CAREFUL, namespaces=("auth",), recent=Recent(held=True))
    assert "storm" == getattr(refuse("dispatch", facts), "rule", None)
