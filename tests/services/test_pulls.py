from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.model.experiments import Edit
from shared.model.projects import Safety
from shared.rules.spreading import JITTER
from shared.services.tables import EDITS
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.gitlab_party import GitLabParty
from tests.clients.hosts.parties import PARTIES
from tests.githubhost import Fault
from tests.gitserver import git
from tests.services.gitops import ADA, BROKEN, FOLDER, POLICY, engine
from tests.services.hosted import Hosted

PROBED = engine("cart", "L").rstrip() + "\n      spec:\n        probe: [{name: answers}]\n"
FAULT = "    - name: pod-delete"
APPINFO = "  appinfo: {appns: shop, applabel: app=cart, appkind: deployment}"
CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: 30 25 * * *
  workflowSpec: {entrypoint: main, templates: [{name: main, container: {image: busybox}}]}
"""


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


def test_a_pull_request_that_is_right_is_a_success_and_says_what_it_would_do(both: Hosted) -> None:
    both.push(images=POLICY)
    both.track("cart", "L", app="cart")
    number, head = both.propose(cart=PROBED)
    assert {("success", "nothing to run")} <= set(both.statuses_of(head))
    assert {"success"} == {state for state, _ in both.statuses_of(head)}
    [comment] = both.comments(number)
    assert "no errors in 1 changed file." in comment
    assert (
        "`pod-delete` hits `deployment` `app=cart` in namespace `shop`: `Deployment/shop/cart` on cluster `eu`"
        in comment
    )
    assert "runs on `eu` when `Deployment/shop/cart` on cluster `eu` changes (by policy `images`)" in comment
    assert [(number, head, "success")] == [(one.number, one.head, one.state) for one in both.looked()]


def test_every_finding_fails_the_check_with_its_own_words(both: Hosted) -> None:
    both.configure(Safety(allowed_faults=("pod-cpu-*",), allowed_namespaces=("test",)))
    both.push(taken=engine("taken", "T"))
    number, head = both.propose(
        broken=BROKEN, cron=CRON, twice=engine("twice", "T"), key=POLICY.replace("spec.template", "spec..template")
    )
    assert ("failure", "6 errors, 1 warning in what changes") in both.statuses_of(head)
    assert {"failure"} == {state for state, _ in both.statuses_of(head)}
    [comment] = both.comments(number)
    for said in (
        "a tab indents this line",
        "is no hour of a cron expression",
        "is no JMESPath",
        "workflow_id 'T' belongs to litmus/shop/taken.yaml",
        "the fault pod-delete is not among those allowed",
        "the namespace shop is not among those allowed",
        "has no probe",
    ):
        assert said in comment
    [row] = [row for row in both.ledger() if row.verdict == "failure"]
    assert (head, 7, number) == (row.subject, row.detail["findings"], row.detail["pull"])


def marked_lines(hosted: Hosted, number: int, head: str) -> set[int]:
    """Return the lines at which the host shows findings."""
    if isinstance(hosted.party, GitHubParty):
        repository = hosted.party.repository
        [run] = [run for run in repository.checks if run["head_sha"] == head]
        return {one["start_line"] for one in repository.annotations[run["id"]]}
    assert isinstance(hosted.party, GitLabParty)
    notes = [one.notes[0] for one in hosted.party.project.merges[number].discussions if not one.individual]
    return {note.position["new_line"] for note in notes if note.position}


def test_findings_stand_at_the_lines_that_they_are_about(both: Hosted) -> None:
    both.configure(Safety(allowed_faults=("pod-cpu-*",), allowed_namespaces=("test",)))
    both.push()
    number, head = both.propose(cart=engine("cart", "L"))
    lines = engine("cart", "L").splitlines()
    expected = {lines.index(FAULT) + 1, lines.index(APPINFO) + 1}
    assert expected == marked_lines(both, number, head)


def test_a_head_that_was_judged_is_left_alone_and_a_new_one_is_not(both: Hosted) -> None:
    both.push()
    number, head = both.propose(cart=BROKEN)
    rows = len(both.ledger())
    both.look(number)
    assert rows == len(both.ledger())
    mended = both.branch(cart=PROBED)
    both.look(number)
    assert {"success"} == {state for state, _ in both.statuses_of(mended)}
    assert "failure" in {state for state, _ in both.statuses_of(head)}
    [comment] = both.comments(number)
    assert "no errors in 1 changed file." in comment


def test_a_pull_request_of_something_else_has_its_status_and_no_comment(hosted: Hosted) -> None:
    hosted.push()
    hosted.party.clone.write("README.md", "Ours.")
    number, head = hosted.propose()
    assert ("success", "nothing to run") in hosted.statuses_of(head)
    assert [] == hosted.comments(number)


def test_a_comment_goes_on_when_the_request_no_longer_changes_anything(hosted: Hosted) -> None:
    hosted.push()
    number, _ = hosted.propose(cart=PROBED)
    hosted.branch(cart=None)
    hosted.look(number)
    [comment] = hosted.comments(number)
    assert "changes no experiment and no policy" in comment


def test_only_what_the_request_changes_is_judged(hosted: Hosted) -> None:
    hosted.push(old=BROKEN)
    hosted.branch(cart=PROBED)
    hosted.push(later=BROKEN)
    number = hosted.party.open("topic", "main", "Add one.")
    hosted.look(number)
    [comment] = hosted.comments(number)
    assert "no errors in 1 changed file." in comment
    assert "old.yaml" not in comment


def test_a_removal_is_told(hosted: Hosted) -> None:
    hosted.push(cart=PROBED)
    number, _ = hosted.propose(cart=None)
    [comment] = hosted.comments(number)
    assert "**`litmus/shop/cart.yaml`** is removed: nothing starts it any more" in comment


def test_a_request_into_another_branch_is_none_of_ours(hosted: Hosted) -> None:
    hosted.push()
    hosted.branch("other")
    head = hosted.branch(cart=BROKEN)
    hosted.look(hosted.party.open("topic", "other", "Elsewhere."))
    assert ([], []) == (hosted.statuses_of(head), hosted.looked())


def test_a_request_that_is_gone_is_forgotten(hosted: Hosted) -> None:
    hosted.push()
    number, _ = hosted.propose(cart=PROBED)
    hosted.party.merge(number)
    hosted.look(number)
    assert [] == hosted.looked()
    hosted.look(404)
    assert [] == hosted.errors


def test_a_lost_delivery_is_healed(both: Hosted) -> None:
    both.push()
    head = both.branch(cart=PROBED)
    number = both.party.open("topic", "main", "Add one.")
    assert ["reconcile/project", "reconcile/pulls", "sync/pull"] == reconciled(both)[:3]
    assert [(number, head)] == [(one.number, one.head) for one in both.looked()]
    assert ["reconcile/project", "reconcile/pulls"] == reconciled(both)
    both.party.merge(number)
    reconciled(both)
    assert [] == both.looked()


def reconciled(hosted: Hosted) -> list[str]:
    """Have the project looked after, and return what was sent for it, put off or not."""
    before = len(hosted.sent)
    hosted.tell("reconcile", "project")
    hosted.clock.advance(JITTER)
    hosted.work()
    return hosted.sent[before:]


def test_to_see_that_no_request_moved_takes_one_question_however_many_there_are(hosted: Hosted) -> None:
    assert isinstance(hosted.party, GitHubParty)
    hosted.push()
    for name in ("one", "two", "three"):
        hosted.branch(name, **{name: engine(name)})
        hosted.party.open(name, "main", name)
    reconciled(hosted)
    asked = hosted.party.server.requests
    asked.clear()
    hosted.tell("reconcile", "pulls")
    assert (1, 3) == (len(asked), len(hosted.looked()))
    hosted.push(other=engine("other"))
    reconciled(hosted)
    asked.clear()
    hosted.tell("reconcile", "pulls")
    assert 1 == len(asked)


def test_a_request_whose_target_took_over_a_part_of_it_is_judged_anew(hosted: Hosted) -> None:
    hosted.push()
    first = hosted.branch("topic", cart=PROBED)
    number, head = hosted.propose("topic", other=PROBED.replace("cart", "other"))
    assert "in 2 changed files" in hosted.comments(number)[0]
    git("push", "-q", "origin", f"{first}:main", cwd=hosted.party.clone.folder)
    hosted.tell_of_push()
    reconciled(hosted)
    assert [(head, first)] == [(one.head, one.base) for one in hosted.looked()]
    assert "in 1 changed file" in hosted.comments(number)[0]


def test_requests_that_cannot_be_listed_are_shown_once_while_that_lasts(both: Hosted) -> None:
    both.push()
    for _ in range(2):
        both.party.fail(403)
        both.tell("reconcile", "pulls")
    both.tell("reconcile", "pulls")
    rows = [row for row in both.ledger("sync") if "pull requests" in row.reason]
    assert ["degraded", "synced"] == [row.verdict for row in rows]


def test_while_the_host_is_away_nothing_is_lost(hosted: Hosted) -> None:
    hosted.push()
    head = hosted.branch(cart=PROBED)
    number = hosted.party.open("topic", "main", "Add one.")
    hosted.party.fail(503)
    hosted.look(number)
    assert (1, []) == (len(hosted.errors), hosted.looked())
    hosted.clock.advance(60)
    hosted.work()
    assert [head] == [one.head for one in hosted.looked()]


def test_a_project_that_is_off_looks_at_nothing(hosted: Hosted) -> None:
    hosted.push()
    hosted.configure(enabled=False)
    _, head = hosted.propose(cart=BROKEN)
    hosted.tell("reconcile", "pulls")
    assert ([], []) == (hosted.statuses_of(head), hosted.looked())


def test_a_few_requests_read_a_request_whatever_its_size(hosted: Hosted) -> None:
    hosted.push(**{f"old-{number}": engine(f"old-{number}") for number in range(30)})
    head = hosted.branch(**{f"new-{number}": engine(f"new-{number}") for number in range(30)})
    number = hosted.party.open("topic", "main", "Add many.")
    assert isinstance(hosted.party, GitHubParty)
    asked = hosted.party.server.fetches
    asked.clear()
    hosted.look(number)
    assert "30 warnings in 30 changed files" in hosted.comments(number)[0]
    assert (True, head) == (len(asked) <= 4, hosted.looked()[0].head)


def test_an_edit_that_waits_for_the_request_is_looked_after(hosted: Hosted) -> None:
    hosted.push()
    number, _ = hosted.propose(cart=PROBED)
    edit = Edit("e1", "shop", "L", f"{FOLDER}/cart.yaml", PROBED.encode(), None, ADA, "", "proposed", pull=number)
    others = [replace(edit, id="e2", pull=number + 1), replace(edit, id="e3", state="pending", pull=None)]
    for one in others:
        hosted.store.commit([EDITS.put(one, "shop", one.id)])
    hosted.look(number)
    assert "sync/proposal" not in hosted.sent
    hosted.store.commit([EDITS.put(edit, "shop", edit.id)])
    hosted.look(number)
    assert 1 == hosted.sent.count("sync/proposal")


def test_a_comment_that_may_not_be_written_keeps_no_check_from_being_seen(hosted: Hosted) -> None:
    assert isinstance(hosted.party, GitHubParty)
    hosted.push()
    hosted.party.server.faults.append(Fault("/issues/[0-9]+/comments", 403))
    number, head = hosted.propose(cart=PROBED)
    assert ([], "success") == (hosted.comments(number), hosted.statuses_of(head)[0][0])
    [row] = [row for row in hosted.ledger() if row.detail.get("pull") == number]
    assert "its comment could not be written" in row.reason


def test_where_checks_are_statuses_a_head_with_an_open_run_is_no_success_for_a_moment(tmp_path: Path) -> None:
    party = GitLabParty(tmp_path)
    hosted = Hosted(tmp_path, party)
    hosted.push(cart=PROBED)
    head = hosted.branch("topic", till=engine("till", "T"))
    hosted.move(hosted.begin("cart", head), state="running")
    hosted.look(party.open("topic", "main", "Change experiments."))
    ever = [one.status for line in party.project.pipelines if line.sha == head for one in line.statuses]
    hosted.close()
    assert ever
    assert {"pending", "running"} >= set(ever)
