from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.clients.ids import new_id
from shared.errors import NotYet
from shared.model.hosting import CommitStatus
from shared.model.messages import Message
from shared.model.records import ABSENT
from shared.model.runs import FaultResult, Run
from shared.rules.facts import Refusal
from shared.services.statuses import CLAIM, Statuses
from shared.services.tables import CONCERNS, RUNS, Versioned
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import PARTIES, host
from tests.services.gitops import BROKEN, engine
from tests.services.hosted import CONTEXT, PORTAL, Hosted

CART = engine("cart", "L")
MEASURED = (FaultResult("pod-delete", "Pass", 97.5),)
PASSED: dict[str, Any] = {"state": "completed", "verdict": "Pass", "score": 97.5, "faults": MEASURED}
FAILED: dict[str, Any] = {"state": "completed", "verdict": "Fail", "score": 40.0, "faults": MEASURED}
REFUSAL = Refusal("freeze", "the project is frozen by owner")
STRANGER = "f" * 40


@pytest.fixture(params=["github", "gitlab"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosted]:
    made = Hosted(tmp_path, PARTIES[request.param](tmp_path))
    yield made
    made.close()


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    made = Hosted(tmp_path, PARTIES["github"](tmp_path))
    yield made
    made.close()


def last(hosted: Hosted, commit: str) -> tuple[str, str]:
    return hosted.statuses_of(commit)[0]


def tell(hosted: Hosted, commit: str) -> None:
    hosted.tell("sync", "status", commit=commit)


def test_a_head_that_nothing_runs_for_is_a_success(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    assert [("success", "nothing to run")] == hosted.statuses_of(commit)
    assert [("told", commit)] == [(row.verdict, row.subject) for row in hosted.ledger()]


def test_a_head_with_an_invalid_file_is_a_failure_until_it_is_mended(hosted: Hosted) -> None:
    broken = hosted.push(cart=BROKEN)
    still = hosted.push(till=engine("till"))
    mended = hosted.push(cart=CART)
    wrong = ("failure", "1 invalid file: litmus/shop/cart.yaml")
    assert [wrong, wrong, ("success", "nothing to run")] == [last(hosted, one) for one in (broken, still, mended)]


def test_a_run_is_told_to_the_commits_of_its_workload_and_of_its_experiment(both: Hosted) -> None:
    commit, deployed = both.push(cart=CART), both.branch("deployed")
    run = both.begin("cart", deployed)
    both.move(run, state="running")
    both.move(run, **PASSED)
    expected = ("success", "cart on eu: Pass, score 97.50")
    assert [expected, expected] == [last(both, one) for one in (commit, deployed)]
    found = next(one for one in both.party.statuses(deployed) if one.context == CONTEXT)
    assert f"{PORTAL}/#shop/{run.id}" == found.url


def test_a_status_goes_from_pending_to_its_end_and_never_by_way_of_success(hosted: Hosted) -> None:
    hosted.push(cart=CART)
    deployed = hosted.branch("deployed")
    run = hosted.begin("cart", deployed)
    for state in ("waiting", "running"):
        hosted.move(run, state=state)
    hosted.move(run, **FAILED)
    assert [
        ("failure", "cart on eu: Fail, score 40.00"),
        *(("pending", f"cart on eu: {state}") for state in ("running", "waiting", "queued")),
    ] == hosted.statuses_of(deployed)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(
            {"state": "expired", "message": "cluster eu is offline"},
            ("error", "cart on eu: expired: cluster eu is offline"),
            id="offline",
        ),
        pytest.param({"state": "skipped", "message": "stuck"}, ("error", "cart on eu: skipped: stuck"), id="skipped"),
        pytest.param(
            {"state": "completed", "verdict": "NotMeasured"}, ("error", "cart on eu: not measured"), id="not measured"
        ),
        pytest.param({"state": "needs_attention"}, ("error", "cart on eu: needs attention"), id="needs attention"),
    ],
)
def test_whatever_ends_without_a_measurement_is_told_and_no_success(
    hosted: Hosted, end: dict[str, Any], expected: tuple[str, str]
) -> None:
    commit = hosted.push(cart=CART)
    hosted.move(hosted.begin("cart"), **end)
    assert expected == last(hosted, commit)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("'40'", ("success", "cart on eu: score 40.00 reaches the pass-score 40")),
        ("'41'", ("failure", "cart on eu: score 40.00 is below the pass-score 41")),
        ("none", ("failure", "cart on eu: Fail, score 40.00")),
    ],
)
def test_the_threshold_is_the_experiments_own_as_it_was_when_it_started(
    hosted: Hosted, score: str, expected: tuple[str, str]
) -> None:
    text = CART.replace("metadata:\n", f"metadata:\n  annotations: {{litmuschaos.io/pass-score: {score}}}\n")
    commit = hosted.push(cart=text)
    run = hosted.begin("cart")
    hosted.push(cart=CART)
    hosted.move(run, **FAILED)
    assert expected == last(hosted, commit)


def test_of_several_runs_the_worst_counts(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART, till=engine("till", "T"))
    first, second = hosted.begin("cart"), hosted.begin("till")
    hosted.move(first, **FAILED)
    hosted.move(second, **PASSED)
    assert ("failure", "1 of 2 runs failed: cart on eu: Fail, score 40.00") == last(hosted, commit)


def test_a_repeated_run_takes_the_place_of_the_earlier_one(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    hosted.move(hosted.begin("cart"), **FAILED)
    again = hosted.begin("cart", cause="person")
    assert ("pending", "cart on eu: queued") == last(hosted, commit)
    hosted.move(again, **PASSED)
    assert ("success", "cart on eu: Pass, score 97.50") == last(hosted, commit)


@pytest.mark.parametrize("verdict", ["refused", "expired"])
def test_a_trigger_that_made_no_run_is_an_error_with_its_reason(hosted: Hosted, verdict: str) -> None:
    commit, deployed = hosted.push(cart=CART), hosted.branch("deployed")
    for _ in range(2):
        hosted.placing.note(start := hosted.started("cart", deployed), verdict, REFUSAL, "eu")
        hosted.placing.note(start, verdict, REFUSAL, "eu")
        hosted.work()
    expected = ("error", f"cart on eu did not run, {verdict}: the project is frozen by owner")
    assert [expected] * 2 == [last(hosted, commit), last(hosted, deployed)]
    assert 1 == len(hosted.statuses_of(deployed))
    hosted.move(hosted.begin("cart", deployed), **PASSED)
    assert "success" == last(hosted, deployed)[0]


def test_what_a_person_was_told_at_once_is_no_status(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    hosted.placing.note(hosted.started("cart", cause="person"), "refused", REFUSAL, "eu")
    hosted.work()
    assert [("success", "nothing to run")] == hosted.statuses_of(commit)


def test_a_project_that_observes_leaves_commits_alone(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    hosted.configure(mode="observe")
    hosted.placing.show(hosted.started("cart"), ["eu"], hosted.conditions)
    hosted.placing.note(hosted.started("cart"), "refused", REFUSAL)
    hosted.work()
    assert [("success", "nothing to run")] == hosted.statuses_of(commit)


def test_what_a_push_would_not_have_started_either_is_left_alone_where_the_project_observes(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    hosted.configure(mode="observe")
    hosted.placing.note(hosted.started("cart", cause="push"), "refused", REFUSAL)
    hosted.work()
    assert [("success", "nothing to run")] == hosted.statuses_of(commit)


def test_a_head_that_a_sync_reaches_again_is_not_told_again(hosted: Hosted) -> None:
    hosted.push(cart=BROKEN)
    hosted.tell_of_push()
    assert 1 == hosted.sent.count("sync/status")


def test_a_run_of_a_schedule_counts_for_its_experiments_commit(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    run = Run("s1", "shop", "L", "eu", "queued", "2100-01-01T00:00:00Z", "", cause="schedule", report_to=(commit,))
    new = Versioned(RUNS.key("shop", "s1"), run, ABSENT)
    hosted.commit(hosted.ordering.run_moved(new, msgspec.structs.replace(run, **PASSED)))
    assert ("success", "cart on eu: Pass, score 97.50") == last(hosted, commit)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("enforce", ("pending", "cart on eu: queued"), id="it runs"),
        pytest.param("observe", ("success", "nothing to run"), id="it would"),
    ],
)
def test_what_a_push_starts_is_pending_from_the_first_moment(
    hosted: Hosted, mode: str, expected: tuple[str, str]
) -> None:
    hosted.configure(run_on_push="new", mode=mode)
    hosted.push()
    start, held = hosted.actions["dispatch/push"], list[Message]()
    hosted.actions["dispatch/push"] = held.append
    commit = hosted.push(cart=CART)
    assert [("pending", "cart: about to start")] == hosted.statuses_of(commit)
    start(held[0])
    hosted.work()
    assert expected == last(hosted, commit)


def test_a_commit_that_the_host_does_not_know_is_given_up_and_said_once(both: Hosted) -> None:
    both.push(cart=CART)
    run = both.begin("cart", STRANGER)
    both.move(run, state="running")
    both.move(run, **PASSED)
    assert [STRANGER] == [row.subject for row in both.ledger() if row.verdict == "untold"]
    both.clock.advance(3600)
    before = len(both.sent)
    both.work()
    assert ([], before) == (both.errors, len(both.sent))


def test_a_commit_that_comes_later_is_told_then(hosted: Hosted) -> None:
    hosted.push(cart=CART)
    hosted.denied = True
    commit = hosted.party.clone.push("Deployed before it is pushed here.")
    run = hosted.begin("cart", commit)
    assert ([], ["untold"]) == (hosted.statuses_of(commit), [row.verdict for row in hosted.ledger()][-1:])
    hosted.denied = False
    assert hosted.push() != commit
    assert [] == hosted.statuses_of(commit)
    hosted.move(run, **PASSED)
    assert "success" == last(hosted, commit)[0]


def test_a_head_that_could_not_be_told_is_told_when_a_sync_reaches_it(hosted: Hosted) -> None:
    hosted.push(cart=CART)
    commit = hosted.party.clone.push("Nothing of ours.")
    hosted.denied = True
    tell(hosted, commit)
    assert [] == hosted.statuses_of(commit)
    hosted.denied = False
    tell(hosted, commit)
    assert [] == hosted.statuses_of(commit)
    hosted.tell_of_push()
    assert [("success", "nothing to run")] == hosted.statuses_of(commit)


def test_a_rate_limit_is_waited_for(both: Hosted) -> None:
    commit = both.party.clone.push()
    both.party.fail(429, 30)
    tell(both, commit)
    assert (1, []) == (len(both.errors), both.statuses_of(commit))
    both.clock.advance(25)
    both.work()
    assert [] == both.statuses_of(commit)
    both.clock.advance(60)
    both.work()
    assert ("success", "nothing to run") == last(both, commit)


def test_an_outage_of_any_length_is_outlived(hosted: Hosted) -> None:
    commit = hosted.party.clone.push()
    hosted.party.stop()
    tell(hosted, commit)
    for _ in range(30):
        hosted.clock.advance(60)
        hosted.work()
    assert (31, []) == (len(hosted.errors), hosted.queue.dead())
    assert isinstance(hosted.party, GitHubParty)
    hosted.party.server.start()
    hosted.clock.advance(60)
    hosted.work()
    assert ("success", "nothing to run") == last(hosted, commit)


def test_a_message_that_comes_twice_asks_nothing_of_the_host(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    tell(hosted, commit)
    assert (1, 1) == (len(hosted.statuses_of(commit)), len(hosted.ledger()))


def test_who_tells_it_now_is_left_alone_and_who_died_at_it_is_replaced(hosted: Hosted) -> None:
    commit = hosted.party.clone.push()

    def die(_: CommitStatus) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hosted.statuses.settle("shop", commit, die)
    tell(hosted, commit)
    assert [f"the status of {commit[:12]} is being posted"] == hosted.errors
    hosted.clock.advance(CLAIM.total_seconds() + 3)
    hosted.work()
    assert ("success", "nothing to run") == last(hosted, commit)


def test_a_slow_worker_cannot_leave_an_earlier_state_behind(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    api = host(hosted.party)
    run = hosted.begin("cart")

    def slow(status: CommitStatus) -> None:
        hosted.clock.advance(CLAIM.total_seconds() + 3)
        hosted.move(run, **PASSED)
        assert "success" == last(hosted, commit)[0]
        api.set_status(commit, status)

    with pytest.raises(NotYet, match="took too long"):
        hosted.statuses.settle("shop", commit, slow, again=True)
    assert "pending" == last(hosted, commit)[0]
    tell(hosted, commit)
    assert "success" == last(hosted, commit)[0]


def test_of_two_that_begin_at_once_one_tells(hosted: Hosted) -> None:
    commit = hosted.party.clone.push()
    api = host(hosted.party)
    other = Statuses(hosted.store, hosted.repositories, hosted.clock, new_id, PORTAL)
    told: list[str] = []

    def send(status: CommitStatus) -> None:
        with pytest.raises(NotYet):
            other.settle("shop", commit, lambda _: told.append("other"))
        api.set_status(commit, status)

    assert hosted.statuses.settle("shop", commit, send)
    assert ([], 1) == (told, len(hosted.statuses_of(commit)))


def test_a_credential_that_may_not_is_said_once(hosted: Hosted) -> None:
    commit = hosted.push(cart=CART)
    hosted.denied = True
    run = hosted.begin("cart")
    hosted.move(run, **PASSED)
    rows = [row for row in hosted.ledger() if row.verdict == "untold"]
    assert ([commit], []) == ([row.subject for row in rows], hosted.errors)
    assert "the git host was not told" in rows[0].reason


@pytest.mark.parametrize("changes", [{"enabled": False}, {"provider": "git"}])
def test_a_project_that_is_off_or_on_plain_git_has_no_statuses(hosted: Hosted, changes: dict[str, Any]) -> None:
    hosted.configure(**changes)
    commit = hosted.push(cart=CART)
    tell(hosted, commit)
    assert ([], None) == (hosted.statuses_of(commit), hosted.posted(commit))


def test_a_project_that_is_gone_has_nothing_to_tell(hosted: Hosted) -> None:
    hosted.statuses.tell(hosted.message("sync", "status", project="gone", commit=STRANGER))
    assert [] == hosted.errors


def test_what_names_no_commit_bears_on_none(hosted: Hosted) -> None:
    hosted.push(cart=CART)
    hosted.begin("cart", "main", "", "abc")
    rows = hosted.store.query(CONCERNS.partition("shop", "main"))
    assert ([], []) == (rows, hosted.errors)
