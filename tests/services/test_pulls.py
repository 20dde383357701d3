from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.model.projects import Safety
from tests.clients.hosts.parties import PARTIES
from tests.services.gitops import BROKEN, FOLDER, POLICY, engine
from tests.services.hosted import Hosted

PROBED = engine("cart", "L").rstrip() + "\n      spec:\n        probe: [{name: answers}]\n"
CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: 30 25 * * *
  workflowSpec: {entrypoint: main, templates: [{name: main, container: {image: busybox}}]}
"""


@pytest.fixture(params=["github-app", "gitlab"])
def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosted]:
    made = Hosted(tmp_path, PARTIES[request.param](tmp_path))
    yield made
    made.close()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Hosted]:
    made = Hosted(tmp_path, PARTIES["github-app"](tmp_path))
    yield made
    made.close()


def test_a_pull_request_that_is_right_is_a_success_and_says_what_it_would_do(hosted: Hosted) -> None:
    hosted.push(images=POLICY)
    hosted.track("cart", "L", app="cart")
    number, head = hosted.propose(cart=PROBED)
    assert {("success", "nothing to run")} <= set(hosted.statuses_of(head))
    assert {"success"} == {state for state, _ in hosted.statuses_of(head)}
    [comment] = hosted.comments(number)
    assert "no errors in 1 changed file." in comment
    assert (
        "`pod-delete` hits `deployment` `app=cart` in namespace `shop`: `Deployment/shop/cart` on cluster `eu`"
        in comment
    )
    assert "runs on `eu` when `Deployment/shop/cart` on cluster `eu` changes (by policy `images`)" in comment
    assert [(number, head, "success")] == [(one.number, one.head, one.state) for one in hosted.looked()]


def test_every_finding_fails_the_check_with_its_own_words(hosted: Hosted) -> None:
    hosted.configure(Safety(allowed_faults=("pod-cpu-*",), allowed_namespaces=("test",)))
    hosted.push(taken=engine("taken", "T"))
    number, head = hosted.propose(
        broken=BROKEN, cron=CRON, twice=engine("twice", "T"), key=POLICY.replace("spec.template", "spec..template")
    )
    assert ("failure", "6 errors, 1 warning in what changes") in hosted.statuses_of(head)
    assert {"failure"} == {state for state, _ in hosted.statuses_of(head)}
    [comment] = hosted.comments(number)
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
    [row] = [row for row in hosted.ledger() if row.verdict == "failure"]
    assert (head, 7, number) == (row.subject, row.detail["findings"], row.detail["pull"])


def test_annotations_stand_at_the_lines_that_they_are_about(github: Hosted) -> None:
    github.push()
    _, head = github.propose(
        cart=engine("cart", "L").replace("pod-delete", "pod-delete\n      spec: {probe: []}\n    - x: y")
    )
    [run] = [run for run in github.party.repository.checks if run["head_sha"] == head]  # type: ignore[attr-defined]
    [shown] = github.party.repository.annotations[run["id"]]  # type: ignore[attr-defined]
    assert (f"{FOLDER}/cart.yaml", 14, "failure") == (shown["path"], shown["start_line"], shown["annotation_level"])
    assert "has no name" in shown["message"]


def test_a_head_that_was_judged_is_left_alone_and_a_new_one_is_not(hosted: Hosted) -> None:
    hosted.push()
    number, head = hosted.propose(cart=BROKEN)
    rows = len(hosted.ledger())
    hosted.look(number)
    assert rows == len(hosted.ledger())
    mended = hosted.branch(cart=PROBED)
    hosted.look(number)
    assert {"success"} == {state for state, _ in hosted.statuses_of(mended)}
    assert "failure" in {state for state, _ in hosted.statuses_of(head)}
    [comment] = hosted.comments(number)
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


def test_a_lost_delivery_is_healed(hosted: Hosted) -> None:
    hosted.push()
    head = hosted.branch(cart=PROBED)
    number = hosted.party.open("topic", "main", "Add one.")
    hosted.tell("reconcile", "project")
    assert [(number, head)] == [(one.number, one.head) for one in hosted.looked()]
    before = len(hosted.sent)
    hosted.tell("reconcile", "project")
    assert ["reconcile/project", "reconcile/pulls"] == hosted.sent[before:]
    hosted.party.merge(number)
    hosted.tell("reconcile", "project")
    assert [] == hosted.looked()


def test_requests_that_cannot_be_listed_are_shown_once_while_that_lasts(hosted: Hosted) -> None:
    hosted.push()
    for _ in range(2):
        hosted.party.fail(403)
        hosted.tell("reconcile", "pulls")
    hosted.tell("reconcile", "pulls")
    rows = [row for row in hosted.ledger("sync") if "pull requests" in row.reason]
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


def test_a_few_requests_read_a_request_whatever_its_size(github: Hosted) -> None:
    github.push(**{f"old-{number}": engine(f"old-{number}") for number in range(30)})
    head = github.branch(**{f"new-{number}": engine(f"new-{number}") for number in range(30)})
    number = github.party.open("topic", "main", "Add many.")
    asked = github.party.server.fetches  # type: ignore[attr-defined]
    asked.clear()
    github.look(number)
    assert "30 warnings in 30 changed files" in github.comments(number)[0]
    print(asked)
    assert (True, head) == (len(asked) <= 4, github.looked()[0].head)
