from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.model.projects import Safety
from shared.model.runs import FaultResult
from shared.services.api.desk import Desk
from shared.services.api.runs import Runs
from shared.services.api.safety import SafetyRules
from tests.services.api.conftest import Api, body, client, everything
from tests.services.dispatch_stage import Stage

LOOSE = Safety(cooldown="0s")
RUNS = "/projects/shop/runs"
START = "/projects/shop/experiments/kill/runs"
FIELDS = {"id", "experiment", "cluster", "state", "verdict", "score", "faults", "cause", "order", "commit"}


@pytest.fixture
def api(stage: Stage) -> Api:
    desk = Desk(stage.store, stage.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    return client([*Runs(desk, stage.dispatching).operations(), *SafetyRules(desk, stage.releasing).operations()])


def test_a_person_starts_an_experiment_where_it_says(api: Api, stage: Stage) -> None:
    answer = api("POST", START, {"clusters": ["c1", "c1"]})
    (run,) = body(answer)["items"]
    assert (202, "c1", "queued", "person", None) == (
        answer.status,
        run["cluster"],
        run["state"],
        run["cause"],
        body(answer)["next"],
    )
    assert run.keys() >= FIELDS
    stage.pump()
    assert [("c1", "queued")] == stage.states()
    assert run["id"] == body(api("GET", f"{RUNS}/{run['id']}"))["id"]


@pytest.mark.parametrize(
    ("body_", "expected"),
    [
        pytest.param({"clusters": ["c9"]}, 422, id="no-such-cluster"),
        pytest.param({"clusters": "c1"}, 422, id="no-list"),
        pytest.param({"clusters": ["../c1"]}, 422, id="no-id"),
        pytest.param({"clusters": ["c1"] * 101}, 422, id="too-many"),
        pytest.param({"cluster": "c1"}, 422, id="unknown-name"),
        pytest.param(None, 202, id="none-named-and-one-there"),
    ],
)
def test_clusters_are_named_as_they_are_registered(api: Api, body_: object, expected: int) -> None:
    assert expected == api("POST", START, body_).status


def test_an_experiment_that_is_not_there_does_not_start(api: Api) -> None:
    assert api("POST", "/projects/shop/experiments/none/runs", {}).status == 404
    assert api("POST", "/projects/none/experiments/kill/runs", {}).status == 404


def test_what_refuses_a_run_is_named(api: Api, stage: Stage) -> None:
    api("PUT", "/projects/shop/freeze", {"reason": "release week"})
    answer = api("POST", START, {})
    assert (409, True) == (answer.status, "release week" in body(answer)["detail"])
    assert ["refused"] == stage.verdicts()


@pytest.mark.parametrize(("mode", "enabled"), [("observe", True), ("enforce", False)])
def test_nothing_starts_by_hand_where_nothing_starts(api: Api, stage: Stage, mode: str, enabled: bool) -> None:
    stage.settle(LOOSE, gitops={"mode": mode, "enabled": enabled})
    assert api("POST", START, {}).status == 409
    assert stage.runs() == []


def test_runs_are_listed_newest_first_and_paged_to_the_end(api: Api, stage: Stage) -> None:
    for number in range(5):
        stage.experiment(f"e{number}")
        assert api("POST", f"/projects/shop/experiments/e{number}/runs", {}).status == 202
    listed = [row["experiment"] for row in body(api("GET", RUNS))["items"]]
    assert ["e4", "e3", "e2", "e1", "e0"] == listed
    assert [run.id for run in stage.runs()][::-1] == everything(api, RUNS, 2)


def test_a_run_is_shown_with_its_score_and_faults(api: Api, stage: Stage) -> None:
    change = stage.change()
    stage.pump()
    (run,) = stage.runs()
    faults = (FaultResult("pod-delete", "Pass", 50.0),)
    stage.report(run.id, "completed", verdict="Pass", phase="Succeeded", faults=faults)
    shown = body(api("GET", f"{RUNS}/{run.id}"))
    expected = {"state": "completed", "verdict": "Pass", "score": 50.0, "cause": "change", "order": run.id}
    assert expected == {name: shown[name] for name in expected}
    assert [("pod-delete", 50.0, True)] == [
        (fault["name"], fault["probe_success_percentage"], fault["measured"]) for fault in shown["faults"]
    ]
    assert change == shown["change"]


def test_stopping_a_waiting_run_ends_it_and_a_second_time_is_refused(api: Api, stage: Stage) -> None:
    api("PUT", "/projects/shop/safety", {"max_runs": {"cluster": 1}})
    stage.experiment("second")
    for name in ("kill", "second"):
        api("POST", f"/projects/shop/experiments/{name}/runs", {})
        stage.pump()
    waiting = next(run.id for run in stage.runs() if run.experiment == "second")
    answer = api("POST", f"{RUNS}/{waiting}/stop")
    assert (202, "stopped") == (answer.status, body(answer)["state"])
    again = api("POST", f"{RUNS}/{waiting}/stop")
    assert (409, True) == (again.status, "nothing to stop" in body(again)["detail"])
    assert api("POST", f"{RUNS}/none/stop").status == 404


def test_a_run_of_another_project_is_not_shown(api: Api, stage: Stage) -> None:
    api("POST", START, {})
    assert api("GET", f"/projects/none/runs/{stage.runs()[0].id}").status == 404
    assert api("GET", f"{RUNS}/none").status == 404


@pytest.mark.parametrize(
    ("verb", "state", "words"),
    [("approve", "waiting", "Ada <ada@example.com> approved it: tested"), ("deny", "skipped", "denied it: tested")],
)
def test_a_person_says_whether_a_run_may_go(api: Api, stage: Stage, verb: str, state: str, words: str) -> None:
    assert 200 == api("PUT", "/projects/shop/safety", {"approval_namespaces": ["sho?"]}).status
    (run,) = body(api("POST", START, {}))["items"]
    stage.pump()
    answer = api("POST", f"{RUNS}/{run['id']}/{verb}", {"reason": "tested"}, x_editor="Ada <ada@example.com>")
    assert (202, state) == (answer.status, body(answer)["state"])
    assert words in stage.rows("order")[-1].reason


@pytest.mark.parametrize("verb", ["approve", "deny"])
@pytest.mark.parametrize(
    ("sent", "headers", "expected"),
    [
        pytest.param({"reason": 1}, {}, 422, id="no-text"),
        pytest.param({"why": "x"}, {}, 422, id="unknown-name"),
        pytest.param({}, {"x_editor": "ada"}, 400, id="nobody"),
        pytest.param({}, {}, 409, id="nothing-to-approve"),
    ],
)
def test_a_word_that_is_none_changes_nothing(
    api: Api, verb: str, sent: object, headers: dict[str, str], expected: int
) -> None:
    (run,) = body(api("POST", START, {}))["items"]
    assert expected == api("POST", f"{RUNS}/{run['id']}/{verb}", sent, **headers).status
    assert 404 == api("POST", f"{RUNS}/r9/{verb}", {}).status
