from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.model.messages import Message
from shared.model.runs import FaultResult, Run
from shared.rules.noting import noted
from shared.services.tables import RUNS
from tests.gitserver import git
from tests.services.gitops import Shop, engine

AT = "2026-01-01T00:00:00Z"
RUN = Run("r1", "shop", "L", "eu", "completed", AT, AT, verdict="Pass", score=100.0)


def a_run(shop: Shop, **changes: Any) -> Run:
    """Store a run that ended."""
    run = msgspec.structs.replace(RUN, faults=(FaultResult("pod-delete", "Pass", 100.0),), **changes)
    shop.store.commit([RUNS.put(run, "shop", run.id)])
    return run


def tell(shop: Shop, run: str = "r1", project: str = "shop") -> None:
    shop.notes.note_run(Message(new_id(), "sync", "note", {"project": project, "run": run}))


def note(shop: Shop, commit: str) -> str:
    return git("notes", "--ref", "litmus", "show", commit, cwd=shop.bare) + "\n"


def test_a_run_is_noted_on_its_commits_under_the_experiments_name(shop: Shop) -> None:
    shop.write(cart=engine("cart", "L"))
    commits = (shop.push(), shop.person.push())
    shop.work()
    run = a_run(shop, report_to=commits)
    tell(shop)
    assert [noted("", run, "cart")] * 2 == [note(shop, commit) for commit in commits]
    [row] = shop.ledger("report")
    assert ("noted", "r1", {("run", "r1"), *(("commit", commit) for commit in commits)}) == (
        row.verdict,
        row.subject,
        {(link.rel, link.id) for link in row.links},
    )


def test_runs_of_one_commit_stand_below_each_other(shop: Shop) -> None:
    commit = shop.person.push()
    first, second = a_run(shop, report_to=(commit,)), a_run(shop, id="r2", report_to=(commit,), score=50.0)
    tell(shop, "r1")
    tell(shop, "r2")
    assert noted(noted("", first, "L"), second, "L") == note(shop, commit)


def test_a_result_that_changed_replaces_its_line(shop: Shop) -> None:
    commit = shop.person.push()
    a_run(shop, report_to=(commit,))
    tell(shop)
    later = a_run(shop, report_to=(commit,), score=12.5)
    tell(shop)
    assert noted("", later, "L") == note(shop, commit)


def test_a_message_that_comes_twice_notes_once(shop: Shop) -> None:
    a_run(shop, report_to=(shop.person.push(),))
    tell(shop)
    before = git("rev-parse", "refs/notes/litmus", cwd=shop.bare)
    tell(shop)
    assert (before, 1) == (git("rev-parse", "refs/notes/litmus", cwd=shop.bare), len(shop.ledger("report")))


@pytest.mark.parametrize("report_to", [(), ("main",), ("",)])
def test_what_names_no_commit_is_not_noted(shop: Shop, report_to: tuple[str, ...]) -> None:
    shop.person.push()
    a_run(shop, report_to=report_to)
    tell(shop)
    assert "" == git("for-each-ref", "refs/notes", cwd=shop.bare)


@pytest.mark.parametrize(("run", "project"), [("unknown", "shop"), ("r1", "unknown")])
def test_a_message_about_nothing_does_nothing(shop: Shop, run: str, project: str) -> None:
    a_run(shop, report_to=(shop.person.push(),))
    tell(shop, run, project)
    assert [] == shop.ledger("report")


def test_a_project_that_is_off_writes_no_notes(shop: Shop) -> None:
    a_run(shop, report_to=(shop.person.push(),))
    shop.configure(enabled=False)
    tell(shop)
    assert "" == git("for-each-ref", "refs/notes", cwd=shop.bare)
