from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.errors import Invalid
from shared.model.runs import FaultResult, Run
from shared.model.statuses import Commit, Concern
from shared.rules.verdicts import LONGEST, Bar, Case, bar_of, counted, counting, judge

T1, T2, T3 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"
MEASURED = (FaultResult("pod-delete", "Pass", 97.5),)
UNMEASURED = (FaultResult("pod-delete", "Pass", measured=False),)
RUN = Run("r1", "shop", "L", "eu", "completed", T1, T1, "Pass", 97.5, MEASURED)


def case(experiment: str = "cart", **changes: Any) -> Case:
    run = msgspec.structs.replace(RUN, experiment=experiment, **changes)
    return Case(Concern(experiment, T1, "eu", run=run.id), experiment, run)


def refused(verdict: str = "refused", **changes: Any) -> Case:
    concern = Concern("cart", T1, "eu", verdict=verdict, reason="the project is frozen")
    return Case(msgspec.structs.replace(concern, **changes), "cart")


def said(*cases: Case, commit: Commit | None = None) -> tuple[str, str]:
    told = judge(commit or Commit(synced=True), cases)
    return told.state, told.words


def test_a_commit_that_nothing_ran_for_is_a_success() -> None:
    assert ("success", "nothing to run") == said()


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        pytest.param({"state": "queued"}, "pending", "queued", id="queued"),
        pytest.param({"state": "waiting"}, "pending", "waiting", id="waiting"),
        pytest.param({"state": "running", "verdict": "Awaited"}, "pending", "running", id="running"),
        pytest.param({}, "success", "Pass, score 97.50", id="passed"),
        pytest.param({"verdict": "Fail", "score": 40.0}, "failure", "Fail, score 40.00", id="failed"),
        pytest.param({"verdict": "Fail", "score": None}, "failure", "Fail", id="failed without a score"),
        pytest.param({"state": "expired", "message": "no answer"}, "error", "expired: no answer", id="expired"),
        pytest.param({"state": "skipped", "message": "stuck"}, "error", "skipped: stuck", id="skipped"),
        pytest.param({"state": "stopped", "verdict": "Stopped"}, "error", "stopped", id="stopped"),
        pytest.param({"state": "error", "verdict": "Error"}, "error", "error", id="broken"),
        pytest.param({"state": "needs_attention"}, "error", "needs attention", id="needs attention"),
        pytest.param({"verdict": "Error", "message": "no pods"}, "error", "Error: no pods", id="an error verdict"),
        pytest.param({"verdict": "Stopped"}, "error", "Stopped", id="stopped by its engine"),
        pytest.param({"verdict": ""}, "error", "no verdict", id="without a verdict"),
        pytest.param({"verdict": "NotMeasured", "score": None}, "error", "not measured", id="not measured"),
        pytest.param({"faults": UNMEASURED, "score": 100.0}, "error", "not measured", id="100 that no probe measured"),
        pytest.param({"faults": (*MEASURED, *UNMEASURED)}, "success", "Pass, score 97.50", id="measured in part"),
        pytest.param(
            {"pass_score": "80", "verdict": "Fail", "score": 80.0},
            "success",
            "score 80.00 reaches the pass-score 80",
            id="a threshold that is reached",
        ),
        pytest.param(
            {"pass_score": "97.6"}, "failure", "score 97.50 is below the pass-score 97.6", id="a threshold that is not"
        ),
        pytest.param(
            {"pass_score": "0", "faults": UNMEASURED},
            "error",
            "not measured",
            id="no threshold stands for a measurement",
        ),
        pytest.param({"pass_score": "none", "faults": UNMEASURED}, "success", "not measured", id="none asks for none"),
        pytest.param(
            {"pass_score": "none", "verdict": "NotMeasured", "score": None}, "success", "not measured", id="none at all"
        ),
        pytest.param(
            {"pass_score": "none", "verdict": "Fail", "faults": UNMEASURED, "score": 0.0},
            "failure",
            "Fail, score 0.00",
            id="none is no leave to fail",
        ),
        pytest.param({"pass_score": "none"}, "success", "Pass, score 97.50", id="none, and measured"),
        pytest.param(
            {"pass_score": "high"},
            "error",
            "litmuschaos.io/pass-score is 'high'; write a score from 0 to 100, or none",
            id="a threshold that nobody can read",
        ),
    ],
)
def test_a_run_is_told_in_its_state_and_words(changes: dict[str, Any], state: str, words: str) -> None:
    assert (state, f"cart on eu: {words}") == said(case(**changes))


@pytest.mark.parametrize("verdict", ["refused", "expired", "superseded"])
def test_a_trigger_that_made_no_run_is_an_error_with_its_reason(verdict: str) -> None:
    assert ("error", f"cart on eu did not run, {verdict}: the project is frozen") == said(refused(verdict))


def test_what_is_due_is_pending() -> None:
    assert ("pending", "cart: about to start") == said(refused("due", cluster=""))


@pytest.mark.parametrize(
    ("commit", "state", "words"),
    [
        pytest.param(Commit(invalid=("a.yaml",)), "failure", "1 invalid file: a.yaml", id="an invalid file"),
        pytest.param(Commit(invalid=("a", "b")), "failure", "2 invalid files: a, b", id="invalid files"),
        pytest.param(Commit(pull=7, errors=1), "failure", "1 error in what changes", id="an error"),
        pytest.param(Commit(pull=7, errors=2, warnings=1), "failure", "2 errors, 1 warning in what changes", id="both"),
        pytest.param(Commit(pull=7, warnings=2), "success", "2 warnings in what changes", id="doubts"),
        pytest.param(Commit(pull=7), "success", "nothing to run", id="nothing wrong"),
    ],
)
def test_files_count_without_any_run(commit: Commit, state: str, words: str) -> None:
    assert (state, words) == said(commit=commit)


@pytest.mark.parametrize(
    ("cases", "state", "words"),
    [
        pytest.param(
            (case("a"), case("b", score=90.0)), "success", "2 of 2 runs passed: a on eu: Pass, score 97.50", id="good"
        ),
        pytest.param(
            (case("a"), case("b", state="running")), "pending", "1 of 2 runs not over: b on eu: running", id="open"
        ),
        pytest.param(
            (case("a", state="running"), case("b", verdict="Fail", score=1.0), case("c")),
            "failure",
            "1 of 3 runs failed: b on eu: Fail, score 1.00",
            id="a failure, before the others are over",
        ),
        pytest.param(
            (case("a", verdict="Fail"), refused()),
            "error",
            "1 of 2 runs have no result: cart on eu did not run, refused: the project is frozen",
            id="no result is worse than a failure",
        ),
    ],
)
def test_of_several_runs_the_worst_counts(cases: tuple[Case, ...], state: str, words: str) -> None:
    assert (state, words) == said(*cases)


def test_an_invalid_file_is_worse_than_a_good_run() -> None:
    assert ("failure", "1 invalid file: a.yaml") == said(case(), commit=Commit(invalid=("a.yaml",)))


def test_a_status_names_the_run_that_it_is_about() -> None:
    told = judge(Commit(), [case(), case("b", id="r2", verdict="Fail")])
    assert ("r2", None) == (told.run, judge(Commit(), []).run)


def test_words_fit_into_a_status_and_one_line() -> None:
    state, words = said(case(state="error", message="over\nand " * 60))
    assert ("error", LONGEST, "cart on eu: error: over and over", "…") == (state, len(words), words[:32], words[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, Bar(), id="nothing"),
        pytest.param("none", Bar(unmeasured=True), id="none"),
        pytest.param("0", Bar(0.0), id="zero"),
        pytest.param("80.5", Bar(80.5), id="a fraction"),
        pytest.param("100.00", Bar(100.0), id="all"),
    ],
)
def test_a_threshold_is_read(text: str | None, expected: Bar) -> None:
    assert expected == bar_of(text)


@pytest.mark.parametrize("text", ["", "None", "101", "100.5", "-1", "80%", "nan", "1e1", "8_0", " 80", "80\n"])
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="write a score from 0 to 100, or none"):
        bar_of(text)


def test_numbers_are_told_in_words() -> None:
    assert ["no errors", "1 error", "2 warnings", "1 error, 1 warning"] == [
        counted(*pair) for pair in ((0, 0), (1, 0), (0, 2), (1, 1))
    ]


WEB, DB = "Deployment/shop/web", "StatefulSet/shop/db"


@pytest.mark.parametrize(
    ("concerns", "expected"),
    [
        pytest.param([("eu", WEB, T1, ""), ("eu", DB, T2, "")], [T1, T2], id="each workload counts"),
        pytest.param([("eu", WEB, T1, ""), ("us", WEB, T2, "")], [T1, T2], id="each cluster counts"),
        pytest.param([("eu", WEB, T1, ""), ("eu", DB, T2, ""), ("eu", "", T3, "")], [T3], id="a repeat clears all"),
        pytest.param([("eu", "", T1, ""), ("eu", WEB, T2, "")], [T1, T2], id="one workload does not clear a person's"),
        pytest.param([("", WEB, T1, "refused"), ("eu", WEB, T1, "")], [T1, T1], id="what was refused beside a run"),
        pytest.param([("", WEB, T1, "expired"), ("eu", WEB, T2, "")], [T2], id="what came too late, and then in time"),
        pytest.param([("", "", T1, "due"), ("eu", "", T1, "")], [T1], id="what is due becomes a run"),
        pytest.param([("", "", T1, "due"), ("", "", T2, "due")], [T1, T2], id="what is due waits for what is none"),
        pytest.param(
            [("", "", T2, "due"), ("eu", "", T1, "")], [T2, T1], id="an earlier run does not clear what is due"
        ),
        pytest.param([("", "", T1, "due"), ("eu", "", T1, "observed")], [], id="what is only observed counts not"),
    ],
)
def test_a_later_concern_takes_the_place_of_an_earlier_one(
    concerns: list[tuple[str, str, str, str]], expected: list[str]
) -> None:
    made = [Concern("cart", at, cluster, workload, verdict=verdict) for cluster, workload, at, verdict in concerns]
    assert expected == [one.at for one in counting(made)]


def test_another_experiment_replaces_nothing() -> None:
    made = [Concern("cart", T1, "eu"), Concern("till", T2, "eu")]
    assert made == counting(made)
