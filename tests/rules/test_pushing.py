from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Experiment, Manifest
from shared.model.projects import RUN_ON_PUSH, RunOnPush
from shared.rules.pushing import Move, outrun, pushed, returned, starts, wished

KILL = Experiment("kill", "a.yaml", "b1", "c1", "synced", "", kind="Workflow", manifest=Manifest("Workflow", "kill"))


def kill(**changes: Any) -> Experiment:
    return msgspec.structs.replace(KILL, **changes)


def saying(word: str) -> Manifest:
    return Manifest("Workflow", "kill", annotations={RUN_ON_PUSH: word})


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        pytest.param(Move(KILL), "new", id="a new file"),
        pytest.param(Move(kill(kind="ChaosEngine")), "new", id="a new engine"),
        pytest.param(Move(kill(blob="b2"), KILL), "changed", id="another text"),
        pytest.param(Move(kill(path="z.yaml"), KILL), "never", id="a pure rename"),
        pytest.param(Move(kill(path="z.yaml", blob="b2"), KILL), "changed", id="renamed and changed"),
        pytest.param(Move(None, KILL), "never", id="removed"),
        pytest.param(Move(kill(id="L", blob="b2"), None, KILL), "changed", id="another id at the same path"),
        pytest.param(Move(kill(id="L"), None, KILL), "never", id="another id, the same text at the same path"),
        pytest.param(Move(KILL, kill(commit="", state="pending")), "new", id="an edit that came to git"),
        pytest.param(Move(kill(commit="", state="pending")), "never", id="an edit that is not in git"),
        pytest.param(Move(kill(state="invalid", manifest=None), KILL), "never", id="broken"),
        pytest.param(Move(kill(state="invalid")), "never", id="another file has its id"),
        pytest.param(Move(kill(blob="b2"), kill(state="invalid", kind="")), "new", id="readable for the first time"),
        pytest.param(Move(kill(blob="b2"), kill(state="invalid", manifest=None)), "changed", id="mended"),
        pytest.param(Move(kill(kind="CronWorkflow")), "never", id="a CronWorkflow"),
        pytest.param(Move(kill(kind="ChaosSchedule", blob="b2"), KILL), "never", id="a ChaosSchedule"),
        pytest.param(Move(kill(state="pending", blob="b2"), KILL), "changed", id="an edit of it is on its way"),
    ],
)
def test_what_a_push_did(move: Move, expected: str) -> None:
    assert expected == pushed(move)


@pytest.mark.parametrize(
    ("setting", "word", "new", "changed"),
    [
        pytest.param("never", None, False, False, id="never"),
        pytest.param("new", None, True, False, id="new"),
        pytest.param("changed", None, True, True, id="changed includes new"),
        pytest.param("never", "new", True, False, id="the manifest asks for it"),
        pytest.param("never", "changed", True, True, id="the manifest asks for more"),
        pytest.param("changed", "never", False, False, id="the manifest forbids it"),
        pytest.param("changed", "new", True, False, id="the manifest asks for less"),
        pytest.param("changed", "always", False, False, id="a word that is unknown"),
        pytest.param("changed", "", False, False, id="no word"),
    ],
)
def test_the_setting_decides_unless_the_manifest_does(
    setting: RunOnPush, word: str | None, new: bool, changed: bool
) -> None:
    now = kill(blob="b2", manifest=saying(word)) if word is not None else kill(blob="b2")
    assert (new, changed) == (starts(setting, Move(now)), starts(setting, Move(now, KILL)))


def test_what_is_gone_starts_nothing_whatever_the_setting() -> None:
    assert not starts("changed", Move(None, KILL))
    assert "new" == wished("new", None)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        pytest.param(Move(kill(blob="b2"), KILL), "b1", id="replaced"),
        pytest.param(Move(None, KILL), "b1", id="removed"),
        pytest.param(Move(kill(path="z.yaml"), KILL), None, id="moved"),
        pytest.param(Move(KILL), None, id="new"),
        pytest.param(Move(kill(blob="b2"), kill(commit="")), None, id="git never had it"),
    ],
)
def test_the_text_that_git_drops_is_known(move: Move, expected: str | None) -> None:
    assert expected == move.dropped


def test_going_back_is_refused_by_its_rule() -> None:
    assert ("returned", True) == (returned(KILL).rule, "a.yaml" in returned(KILL).reason)


@pytest.mark.parametrize(
    ("found", "setting", "rule"),
    [
        pytest.param(KILL, "new", None, id="still wanted"),
        pytest.param(None, "new", "superseded", id="removed meanwhile"),
        pytest.param(kill(blob="b2"), "new", "superseded", id="pushed anew"),
        pytest.param(KILL, "never", "run on push", id="turned off meanwhile"),
        pytest.param(kill(manifest=saying("new")), "never", None, id="by the manifest"),
    ],
)
def test_a_start_that_is_not_wanted_any_more_says_why(
    found: Experiment | None, setting: RunOnPush, rule: str | None
) -> None:
    refusal = outrun(found, "b1", setting)
    assert rule == (refusal and refusal.rule)
