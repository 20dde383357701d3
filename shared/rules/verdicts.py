"""A commit's status: the worst of what ran for it, what could not run, and what is wrong with its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.errors import Invalid
from shared.model.hosting import StatusState
from shared.model.runs import Run
from shared.model.statuses import Commit, Concern

THRESHOLD: Final = "litmuschaos.io/pass-score"
"""Annotation: the score, 0 to 100, from which a run is a success; `none` asks for no measurement."""

LONGEST: Final = 140
"""Characters of a status' description that GitHub takes."""

_WORST_FIRST: Final[tuple[StatusState, ...]] = ("error", "failure", "pending", "success")
_DUE: Final = "due"
_OBSERVED: Final = "observed"
_OPEN: Final = frozenset({"queued", "waiting", "running"})
_OUTCOMES: Final = frozenset({"Pass", "Fail", "NotMeasured"})
_SCORE: Final = re.compile(r"100(?:\.0{1,2})?|[0-9]{1,2}(?:\.[0-9]{1,2})?", re.ASCII)
_WORDS: Final[dict[StatusState, str]] = {
    "error": "have no result",
    "failure": "failed",
    "pending": "not over",
    "success": "passed",
}


class Bar(msgspec.Struct, frozen=True):
    """What a run must reach: a score, else the verdict Pass; `unmeasured` accepts one that measured nothing."""

    score: float | None = None
    unmeasured: bool = False


class Case(msgspec.Struct, frozen=True):
    """A concern with what it names: the experiment's name, and the run unless none was made."""

    concern: Concern
    name: str
    run: Run | None = None


class Told(msgspec.Struct, frozen=True):
    """A state in words; `run` is the one that it is about, if it is about one."""

    state: StatusState
    words: str
    run: str | None = None


def bar_of(text: str | None) -> Bar:
    """Return what the annotation `pass-score` asks for; `Invalid` where it is neither a score nor `none`."""
    if text is None:
        return Bar()
    if text == "none":
        return Bar(unmeasured=True)
    if not _SCORE.fullmatch(text):
        raise Invalid(f"{THRESHOLD} is {text[:40]!r}; write a score from 0 to 100, or none")
    return Bar(float(text))


def counting(concerns: Sequence[Concern]) -> list[Concern]:
    """Return the concerns that count: not those that a later one of the same experiment and cluster replaced.

    One that is about no workload, as a person's, replaces those about any: so a repeated run clears a status. What is
    `due` gives way to what came of it, and what a project only observed counts for nothing.
    """
    left = (one for one in concerns if not any(_replaces(other, one) for other in concerns))
    return [one for one in left if one.verdict != _OBSERVED]


def judge(commit: Commit, cases: Sequence[Case]) -> Told:
    """Return a commit's status: the worst counts, and the words say how many there are."""
    runs = [_of_case(case) for case in cases]
    found = [*_of_files(commit), *runs]
    if not found:
        return Told("success", "nothing to run")
    worst = min(found, key=lambda one: _WORST_FIRST.index(one.state))
    same = sum(one.state == worst.state for one in runs)
    many = len(runs) > 1 and worst in runs
    words = f"{same} of {len(runs)} runs {_WORDS[worst.state]}: {worst.words}" if many else worst.words
    return Told(worst.state, _cut(words), worst.run)


def _replaces(other: Concern, one: Concern) -> bool:
    if other.experiment != one.experiment:
        return False
    if one.verdict == _DUE:
        return other.verdict != _DUE and other.at >= one.at
    return one.cluster in {"", other.cluster} and other.workload in {"", one.workload} and other.at > one.at


def _of_files(commit: Commit) -> list[Told]:
    found: list[Told] = []
    if commit.invalid:
        count = _number(len(commit.invalid), "invalid file")
        found.append(Told("failure", f"{count}: {', '.join(commit.invalid)}"))
    if commit.pull is not None and (commit.errors or commit.warnings):
        state: StatusState = "failure" if commit.errors else "success"
        found.append(Told(state, f"{counted(commit.errors, commit.warnings)} in what changes"))
    return found


def counted(errors: int, warnings: int) -> str:
    """Return both numbers in words."""
    return ", ".join(_number(*part) for part in ((errors, "error"), (warnings, "warning")) if part[0]) or "no errors"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _of_case(case: Case) -> Told:
    run, where = case.run, f" on {case.concern.cluster}" if case.concern.cluster else ""
    if run is None and case.concern.verdict == _DUE:
        return Told("pending", f"{case.name}: about to start")
    if run is None:
        return Told("error", f"{case.name}{where} did not run, {case.concern.verdict}: {case.concern.reason}")
    state, words = _of_run(run)
    return Told(state, f"{case.name}{where}: {words}", run.id)


def _of_run(run: Run) -> tuple[StatusState, str]:
    if run.state in _OPEN:
        return "pending", run.state
    if run.state != "completed":
        return "error", _because(run.state.replace("_", " "), run.message)
    try:
        return _of_result(run, bar_of(run.pass_score))
    except Invalid as error:
        return "error", str(error)


def _of_result(run: Run, bar: Bar) -> tuple[StatusState, str]:
    if run.verdict not in _OUTCOMES:
        return "error", _because(run.verdict or "no verdict", run.message)
    if run.verdict == "Fail" and bar.score is None:
        return "failure", "Fail" if run.score is None else f"Fail, score {run.score:.2f}"
    if run.score is None or not any(fault.measured for fault in run.faults):
        return "success" if bar.unmeasured else "error", "not measured"
    if bar.score is None:
        return "success", f"Pass, score {run.score:.2f}"
    reached = run.score >= bar.score
    verb = "reaches" if reached else "is below"
    return "success" if reached else "failure", f"score {run.score:.2f} {verb} the pass-score {bar.score:g}"


def _because(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
