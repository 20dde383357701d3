import json
from pathlib import Path
from typing import Any

import pytest

from shared.rules.rollouts import Ready, Stuck, Wait, judge
from tests.payloads import SEED
from tests.rules.rollout_world import STYLES, rollout

RECORDED = Path(__file__).parent.parent / "deliveries" / "rollouts"
STUCK = "Progressing=False, ProgressDeadlineExceeded: "
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow"}


def workload(kind: str, spec: dict[str, Any], status: dict[str, Any], generation: int = 2) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": generation}, "spec": spec, "status": status}


def deployment(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    return workload("Deployment", {"replicas": 3} | (spec or {}), counts | status)


def stateful_set(strategy: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3}
    revisions = {"currentRevision": "a", "updateRevision": "b"}
    return workload("StatefulSet", {"replicas": 3, "updateStrategy": strategy or {}}, counts | revisions | status)


def daemon_set(strategy: str = "RollingUpdate", **status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 2, "desiredNumberScheduled": 2, "currentNumberScheduled": 2}
    counts |= {"updatedNumberScheduled": 2, "numberAvailable": 2}
    return workload("DaemonSet", {"updateStrategy": {"type": strategy}}, counts | status)


def partition(size: int) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": size}}


BEHIND = Wait("its controller has not seen the latest spec yet")
ALL = Ready("3 of 3 replicas are new and available")
CASES = [
    pytest.param(deployment(), ALL, id="deployment with all its replicas"),
    pytest.param(
        workload("Deployment", {}, {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}),
        Wait("availableReplicas 0: 1 wanted"),
        id="deployment without a number wants one replica",
    ),
    pytest.param(deployment(observedGeneration=1), BEHIND, id="deployment not observed"),
    pytest.param(workload("Deployment", {}, {}), BEHIND, id="deployment without any status"),
    pytest.param(
        deployment(replicas=4, updatedReplicas=2),
        Wait("replicas 4, updatedReplicas 2: 3 wanted"),
        id="deployment with a surge pod of the old revision",
    ),
    pytest.param(deployment({"paused": True}), Wait("the rollout is paused"), id="deployment paused"),
    pytest.param(
        deployment({"replicas": 0}), Stuck("it is scaled to zero: there is nothing to test"), id="deployment at zero"
    ),
    pytest.param(
        deployment(updatedReplicas=1, conditions=[{"type": "Available", "status": "True"}, DEADLINE]),
        Stuck(STUCK + "too slow"),
        id="deployment over its deadline",
    ),
    pytest.param(
        deployment(conditions=[DEADLINE | {"status": "True"}]), ALL, id="deployment with a condition that is no failure"
    ),
    pytest.param(
        deployment(conditions=[DEADLINE | {"reason": "Other"}]), ALL, id="deployment that failed for another reason"
    ),
    pytest.param(stateful_set(currentRevision="b"), ALL, id="stateful set at one revision"),
    pytest.param(
        stateful_set(currentRevision="b", readyReplicas=2),
        Wait("readyReplicas 2: 3 wanted"),
        id="stateful set at one revision, one pod not ready",
    ),
    pytest.param(
        stateful_set(updatedReplicas=1), Wait("1 of 3 replicas are of the new revision"), id="stateful set on its way"
    ),
    pytest.param(
        stateful_set(),
        Wait("its controller has not made the new revision the current one yet"),
        id="stateful set whose revision is not current yet",
    ),
    pytest.param(
        stateful_set(partition(2), updatedReplicas=1),
        Ready("partition 2: 1 of 3 replicas are of the new revision, as asked"),
        id="stateful set up to its partition",
    ),
    pytest.param(
        stateful_set(partition(2), updatedReplicas=0),
        Wait("0 of 1 replicas are of the new revision"),
        id="stateful set before its partition is new",
    ),
    pytest.param(
        stateful_set(partition(2), updatedReplicas=1, readyReplicas=2),
        Wait("readyReplicas 2: 3 wanted"),
        id="stateful set up to its partition, one pod not ready",
    ),
    pytest.param(
        stateful_set(partition(3), updatedReplicas=0),
        Stuck("partition 3: all 3 replicas keep the old revision"),
        id="stateful set whose partition keeps all",
    ),
    pytest.param(
        stateful_set({"type": "OnDelete"}, updatedReplicas=1),
        Stuck("updateStrategy OnDelete: 1 of 3 pods are new, the others wait to be deleted by hand"),
        id="stateful set updated on delete, pods left",
    ),
    pytest.param(stateful_set({"type": "OnDelete"}), ALL, id="stateful set updated on delete, all deleted"),
    pytest.param(
        workload("StatefulSet", {"replicas": 0}, {"observedGeneration": 2}),
        Stuck("it is scaled to zero: there is nothing to test"),
        id="stateful set at zero",
    ),
    pytest.param(daemon_set(), Ready("2 of 2 replicas are new and available"), id="daemon set everywhere"),
    pytest.param(
        daemon_set(updatedNumberScheduled=1, numberAvailable=1),
        Wait("updatedNumberScheduled 1, numberAvailable 1: 2 wanted"),
        id="daemon set on its way",
    ),
    pytest.param(
        daemon_set("OnDelete", updatedNumberScheduled=0),
        Stuck("updateStrategy OnDelete: 0 of 2 pods are new, the others wait to be deleted by hand"),
        id="daemon set updated on delete",
    ),
    pytest.param(
        daemon_set("OnDelete", currentNumberScheduled=1, updatedNumberScheduled=1, numberAvailable=1),
        Wait("updatedNumberScheduled 1, numberAvailable 1: 2 wanted"),
        id="daemon set updated on delete, the last pod deleted and not there again yet",
    ),
    pytest.param(daemon_set("OnDelete"), Ready("2 of 2 replicas are new and available"), id="daemon set, all deleted"),
    pytest.param(
        daemon_set(desiredNumberScheduled=0),
        Stuck("no node wants a pod of it: there is nothing to test"),
        id="daemon set wanted nowhere",
    ),
    pytest.param({"kind": "ConfigMap", "data": {}}, Ready("nothing of its kind is rolled out"), id="config map"),
    pytest.param(workload("Rollout", {}, {"observedGeneration": 1}), BEHIND, id="another kind, not observed"),
    pytest.param(
        workload("Rollout", {}, {"observedGeneration": 2}),
        Ready("nothing of its kind is rolled out"),
        id="another kind, observed",
    ),
]


@pytest.mark.parametrize(("obj", "expected"), CASES)
def test_a_workload_is_judged_by_what_its_controller_reports(obj: dict[str, Any], expected: object) -> None:
    assert expected == judge(obj)


def replay(name: str) -> tuple[float, list[tuple[float, Ready | Wait | Stuck]]]:
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    last_step = max(step["t"] for step in recorded["steps"])
    return last_step, [(seen["t"], judge(seen["object"])) for seen in recorded["history"]]


@pytest.mark.parametrize(
    "name",
    [
        "daemonset-rolls-to-completion",
        "deployment-annotation-only",
        "deployment-paused-then-resumed",
        "deployment-recreate",
        "deployment-rolls-to-completion",
        "deployment-scaled-during-rollout",
        "statefulset-partition-2",
        "statefulset-rolls-to-completion",
    ],
)
def test_a_recorded_rollout_is_ready_at_its_end_and_never_in_between(name: str) -> None:
    last_step, seen = replay(name)
    after = [judgement for at, judgement in seen if at > last_step]
    first = next(index for index, judgement in enumerate(after) if isinstance(judgement, Ready))
    assert [Wait] * first + [Ready] * (len(after) - first) == [type(judgement) for judgement in after]


LETTERS = {Ready: "g", Wait: "w", Stuck: "s"}
VERSIONS = {
    "daemonset-on-delete": "gws",
    "daemonset-rolls-to-completion": "gwwwwwg",
    "deployment-annotation-only": "gg",
    "deployment-paused-then-resumed": "g" + 13 * "w" + "gg",
    "deployment-recreate": "gwwwwwwg",
    "deployment-rolls-to-completion": "g" + 9 * "w" + "gg",
    "deployment-scaled-during-rollout": "g" + 20 * "w" + "gg",
    "deployment-stuck-deadline-exceeded": "gwws",
    "statefulset-partition-2": "gwwwg",
    "statefulset-rolls-to-completion": "gwwwwwwwg",
}
"""What each recorded version lets a run do, read by hand off its numbers: go, wait, or be skipped."""


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_every_version_of_a_recorded_rollout_is_judged_by_its_numbers(name: str) -> None:
    _, seen = replay(name)
    assert VERSIONS[name] == "".join(LETTERS[type(judgement)] for _, judgement in seen)


def test_a_recorded_pause_waits_until_it_is_resumed() -> None:
    _, seen = replay("deployment-paused-then-resumed")
    assert {Wait("the rollout is paused")} == {judgement for at, judgement in seen if 0.29 < at < 3.84}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param(
            "deployment-stuck-deadline-exceeded",
            STUCK + 'ReplicaSet "d2-85c8cc7855" has timed out progressing.',
            id="deadline",
        ),
        pytest.param(
            "daemonset-on-delete",
            "updateStrategy OnDelete: 0 of 2 pods are new, the others wait to be deleted by hand",
            id="on delete",
        ),
    ],
)
def test_a_recorded_rollout_that_ends_nowhere_is_stuck_and_says_why(name: str, reason: str) -> None:
    last_step, seen = replay(name)
    after = [judgement for at, judgement in seen if at > last_step]
    assert Stuck(reason) == after[-1]
    assert not any(isinstance(judgement, Ready) for judgement in after)


SAID = {
    "go": Ready,
    "wait": Wait,
    "paused": "the rollout is paused",
    "zero": "it is scaled to zero",
    "deadline": "Progressing=False, ProgressDeadlineExceeded: slow",
    "by hand": "the others wait to be deleted by hand",
    "kept": "replicas keep the old revision",
    "nowhere": "no node wants a pod of it",
}


def agrees(judgement: Ready | Wait | Stuck, truth: str) -> bool:
    said = SAID[truth]
    if isinstance(said, str):
        return type(judgement) is (Wait if truth == "paused" else Stuck) and said in judgement.reason
    return type(judgement) is said


@pytest.mark.parametrize("seed", [*range(20), SEED], ids=lambda seed: f"seed-{seed}")
@pytest.mark.parametrize("style", STYLES)
def test_each_version_of_a_made_up_rollout_is_judged_as_its_pods_are(style: str, seed: int) -> None:
    for number, (obj, truth) in enumerate(rollout(style, seed)):
        judgement = judge(obj)
        assert agrees(judgement, truth), f"version {number}: {judgement}, but the truth is {truth!r}: {obj}"


def test_made_up_rollouts_show_everything_that_can_be_true() -> None:
    shown = {truth for style in STYLES for seed in range(20) for _, truth in rollout(style, seed)}
    assert SAID.keys() == shown
