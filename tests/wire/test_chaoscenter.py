"""What is said to a ChaosCenter, held to its own schema where that stands beside the repository, and its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import GraphQLSchema, build_schema

from shared.errors import Conflict, Forbidden, LitmusGitopsError, NotFound, Unavailable
from shared.model.calls import Answer
from shared.model.centers import CenterEngine, CenterRun, Infrastructure
from shared.wire import chaoscenter, chaoscenter_answers
from tests.chaoscenter import engine, problems, schema

SAMPLES: Final = Path(__file__).parents[3] / "shared" / "samples" / "chaoscenter-graphql"
MANIFEST: Final = {"kind": "Workflow", "metadata": {"name": "kill"}, "spec": {}}
REQUESTS: Final = {
    "infrastructure": chaoscenter.ask_infrastructure("p", "i"),
    "save": chaoscenter.ask_to_save("p", "i", "kill", MANIFEST, "commit c"),
    "run": chaoscenter.ask_to_run("p", "kill"),
    "one": chaoscenter.ask_run("p", "n-1"),
    "list": chaoscenter.ask_runs("p", "kill"),
    "stop by its id": chaoscenter.ask_to_stop("p", "kill", CenterRun("r-1", "n-1", "Running")),
    "stop by the id of its start": chaoscenter.ask_to_stop("p", "kill", CenterRun("", "n-1", "Queued")),
}


def schemas() -> list[GraphQLSchema]:
    """Return our own schema of the fields that are used, and ChaosCenter's where it is there."""
    text = "\n".join(path.read_text() for path in sorted(SAMPLES.glob("*.graphqls")))
    return [schema(), *([build_schema(text, assume_valid=True)] if text else [])]


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in REQUESTS.items()])
def test_every_operation_and_its_variables_are_what_the_schema_takes(body: bytes) -> None:
    assert {} == {place: found for place, known in enumerate(schemas()) if (found := problems(known, body))}


def test_a_wrong_variable_would_be_found() -> None:
    asked = json.loads(REQUESTS["save"])
    asked["variables"]["request"]["infraId"] = "x"
    assert all(problems(known, json.dumps(asked).encode()) for known in schemas())


def test_a_run_is_stopped_by_one_id_only_since_without_any_all_would_be() -> None:
    given = [json.loads(REQUESTS[name])["variables"] for name in REQUESTS if name.startswith("stop")]
    assert [{"experimentRunID": "r-1"}, {"notifyID": "n-1"}] == [
        {name: value for name, value in one.items() if name not in {"projectID", "experimentID"}} for one in given
    ]


def test_what_is_saved_is_json_under_the_manifests_own_name() -> None:
    request = json.loads(REQUESTS["save"])["variables"]["request"]
    assert ("kill", MANIFEST) == (request["name"], json.loads(request["manifest"]))


def data(**fields: Any) -> Answer:
    return Answer(200, json.dumps({"data": fields}).encode())


def failed(*messages: str) -> Answer:
    return Answer(200, json.dumps({"data": None, "errors": [{"message": one} for one in messages]}).encode())


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        pytest.param(
            failed("duplicate  name\n"), Conflict, "refuses runChaosExperiment: duplicate name", id="an error"
        ),
        pytest.param(failed("a", "b"), Conflict, "a; b", id="two errors"),
        pytest.param(failed(""), Conflict, "an error without a message", id="an error without words"),
        pytest.param(failed("run failed due to inactive infra"), Unavailable, "inactive infra", id="offline"),
        pytest.param(failed("no matching experiment run"), NotFound, "no matching", id="no run"),
        pytest.param(failed("permission_denied: x"), Forbidden, "permission_denied", id="denied in a 200"),
        pytest.param(Answer(401, b"Token is revoked"), Forbidden, "status 401: renew the token", id="401"),
        pytest.param(Answer(403, b""), Forbidden, "status 403", id="403"),
        pytest.param(Answer(500, b"x"), Unavailable, "status 500", id="500"),
        pytest.param(Answer(429, b""), Unavailable, "status 429", id="429"),
        pytest.param(Answer(200, b"<html>"), Conflict, "is its url the GraphQL endpoint", id="a page"),
        pytest.param(Answer(200, b"\xff"), Conflict, "is its url the GraphQL endpoint", id="rubbish"),
        pytest.param(Answer(301, None), Conflict, "status 301", id="a redirect"),
        pytest.param(data(), Conflict, "not as a ChaosCenter does", id="no field"),
        pytest.param(data(runChaosExperiment={}), Conflict, "not as a ChaosCenter does", id="another shape"),
        pytest.param(Answer(200, b'{"data":null}'), Conflict, "not as a ChaosCenter does", id="no data"),
        pytest.param(Answer(422, b'{"errors":[{"message":"Unknown argument"}]}'), Conflict, "Unknown arg", id="422"),
    ],
)
def test_an_answer_that_is_no_success_says_why(answer: Answer, error: type[LitmusGitopsError], words: str) -> None:
    with pytest.raises(LitmusGitopsError, match=r".") as caught:
        chaoscenter_answers.read_started(answer)
    assert error is type(caught.value)
    assert words in str(caught.value)


def test_plain_answers_are_read() -> None:
    assert "n-1" == chaoscenter_answers.read_started(data(runChaosExperiment={"notifyID": "n-1"}))
    assert Infrastructure(active=True, namespace="litmus") == chaoscenter_answers.read_infrastructure(
        data(getInfra={"isActive": True, "infraNamespace": "litmus"})
    )
    assert Infrastructure(active=False) == chaoscenter_answers.read_infrastructure(
        data(getInfra={"isActive": False, "infraNamespace": None})
    )
    chaoscenter_answers.read_done(data(stopExperimentRuns=True), "stopExperimentRuns")


def shown(execution: str = "", manifest: str = "", **fields: Any) -> dict[str, Any]:
    return {"experimentRunID": "r-1", "phase": "Running", "experimentManifest": manifest} | {
        "executionData": execution,
        "weightages": [{"faultName": "pod-", "weightage": 3}, {"faultName": "pod-delete-", "weightage": 7}],
        **fields,
    }


def run(**fields: Any) -> CenterRun:
    return chaoscenter_answers.read_run(data(getExperimentRun=shown(**fields)))


def test_a_run_shows_its_engines_with_their_results_and_weights() -> None:
    nodes = {
        "a": {"type": "Steps", "name": "x"},
        "n": engine("Fail", "20"),
        "m": {"type": "ChaosEngine", "name": "late"},
    }
    found = run(
        execution=json.dumps({"message": "child failed", "nodes": nodes}),
        manifest=json.dumps({"metadata": {"labels": {"a": "b"}}}),
        notifyID="n-1",
    )
    result = engine("Fail", "20")["chaosData"]["chaosResult"]["status"]
    engines = (
        CenterEngine("m", "late", "", "late", "", "", 10),
        CenterEngine("uid-of-pod-delete", "pod-delete-x7k2p", "litmus", "pod-delete", "Fail", "completed", 7, result),
    )
    assert CenterRun("r-1", "n-1", "Running", {"a": "b"}, "child failed", engines) == found


@pytest.mark.parametrize(
    "result", [pytest.param(None, id="none"), pytest.param({"status": None}, id="one without a status")]
)
def test_an_engine_without_a_result_has_none(result: dict[str, Any] | None) -> None:
    nodes = {"n": engine(chaosResult=result)}
    assert {} == run(execution=json.dumps({"nodes": nodes})).engines[0].result


@pytest.mark.parametrize("text", ["", "no json", '{"nodes": null}', '{"nodes": 3}', "[" * 5000, '{"metadata": null}'])
def test_texts_within_a_run_that_cannot_be_read_tell_nothing(text: str) -> None:
    assert CenterRun("r-1", "", "Running") == run(execution=text, manifest=text)


def test_labels_may_be_null() -> None:
    assert {} == run(manifest='{"metadata": {"labels": null}}').labels


def test_a_list_shows_runs_without_ids() -> None:
    runs = [shown(experimentRunID="", phase="Queued", notifyID=None), None]
    assert [CenterRun("", "", "Queued")] == chaoscenter_answers.read_runs(
        data(listExperimentRun={"experimentRuns": runs})
    )
    assert [] == chaoscenter_answers.read_runs(data(listExperimentRun={"experimentRuns": None}))
