from __future__ import annotations

from typing import Any

import pytest

from shared.model.calls import Answer
from shared.model.changes import Workload
from shared.model.policies import Condition, Policy
from shared.model.projects import Cluster, Freeze
from shared.model.records import Key
from shared.services.tables import CLUSTERS, Versioned
from shared.services.watching import Cache
from tests.services.watched import House, altered, batch, fields, recorded, trigger

EXPERIMENT = "7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10"
UID = "d5d74e23-e52d-41b7-b796-d2ea6a882877"

SEQUENCE = [
    ("deployment-create", "ignored"),
    ("deployment-image", "triggered"),
    ("deployment-scale-subresource", "triggered"),
    ("deployment-env", "triggered"),
    ("deployment-annotation-only", "ignored"),
    ("deployment-image-dry-run", None),
    ("deployment-apply-no-change", "ignored"),
    ("deployment-replicas", "triggered"),
    ("deployment-opt-out", "ignored"),
    ("deployment-image-opted-out", "ignored"),
    ("deployment-create-not-annotated", None),
    ("deployment-image-not-annotated", None),
    ("daemonset-image", "triggered"),
    ("deployment-delete", "ignored"),
]


def test_the_recorded_reviews_decide_as_they_should_in_the_order_they_came(house: House) -> None:
    found = []
    for name, _ in SEQUENCE:
        before = len(house.rows())
        review = recorded(name)
        answer = house.admit(review)
        assert {"uid": review["request"]["uid"], "allowed": True} == _response(answer)
        new = house.verdicts()[before:]
        found.append((name, new[0] if new else None))
    assert found == SEQUENCE
    assert house.counted == {"kept": 11, "ignored": 6, "triggered": 5, "dry_run": 1, "not_annotated": 2}


def _response(answer: Answer) -> Any:
    assert answer.status == 200
    assert isinstance(answer.body, dict)
    return answer.body["response"]


def test_a_triggering_row_says_what_who_where_and_why(house: House) -> None:
    house.admit(recorded("deployment-image"))
    (row,) = house.rows()
    assert ("change", "triggered", "Deployment/default/web") == (row.kind, row.verdict, row.subject)
    assert row.reason == (
        "the project has no policy, so any change counts: spec.template.spec.containers[0].image changed"
    )
    told = fields(row)
    assert told.pop("trigger")["uid"] == UID
    assert told == {
        "source": "admission",
        "operation": "UPDATE",
        "actor": "admin",
        "cluster": "c1",
        "changed": ["spec.template.spec.containers[0].image"],
        "experiments": [EXPERIMENT],
        "policies": [],
        "rule": "default",
        "refused": {},
    }
    assert [("cluster", "c1")] == [(link.rel, link.id) for link in row.links]


def test_dispatch_is_asked_for_what_the_row_holds(house: House) -> None:
    house.admit(recorded("deployment-image"))
    (row,) = house.rows()
    (message,) = house.store.messages
    assert ("dispatch", "change", {"project": "shop", "change": row.id}) == (
        message.function,
        message.action,
        message.ids,
    )


def test_the_trigger_holds_what_its_guard_proves_and_who_is_told(house: House) -> None:
    commit = {"litmuschaos.io/commit": "4f2a, 9c1d ,4f2a"}
    house.admit(altered(recorded("deployment-image"), annotations=commit))
    kept = trigger(house.rows()[-1])
    assert kept.workload == Workload("c1", "Deployment", "default", "web")
    assert kept.uid == UID
    assert kept.experiments == (EXPERIMENT,)
    assert kept.commits == ("4f2a", "9c1d")
    assert [one.path for one in kept.changed] == ["spec.template.spec.containers[0].image"]


def test_a_scale_is_told_with_the_experiments_of_its_workload(house: House) -> None:
    house.admit(recorded("deployment-image"))
    house.admit(recorded("deployment-scale-subresource"))
    told = fields(house.rows()[-1])
    assert (["spec.replicas"], [EXPERIMENT]) == (told["changed"], told["experiments"])


@pytest.mark.parametrize("gitops", [{"enabled": False}])
def test_with_gitops_off_a_review_is_only_counted(house: House, gitops: dict[str, Any]) -> None:
    house.settle(**gitops)
    house.admit(recorded("deployment-image"))
    house.hear(batch())
    assert house.rows() == []
    assert house.counted == {"gitops_off": 5}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("deployment-image-dry-run", id="dry run"),
        pytest.param("deployment-image-not-annotated", id="not annotated"),
        pytest.param("deployment-create-not-annotated", id="created without"),
    ],
)
def test_with_warm_caches_a_review_that_cannot_matter_touches_no_store(house: House, name: str) -> None:
    house.admit(recorded(name))
    house.store.calls.clear()
    house.admit(recorded(name))
    assert house.store.calls == {}


def test_with_warm_caches_a_review_waits_for_one_commit_and_its_decision_is_another_with_four_reads(
    house: House,
) -> None:
    house.admit(recorded("deployment-image"))
    house.store.calls.clear()
    house.admission.admit(house.call("admission", recorded("deployment-env"), "c1"))
    assert house.store.calls == {"commit": 1}
    house.decide()
    assert house.verdicts() == ["triggered", "triggered"]
    assert house.store.calls == {"get_many": 1, "query": 3, "commit": 2}


def test_a_policy_that_is_new_is_obeyed_at_once(house: House) -> None:
    house.admit(recorded("deployment-create"))
    house.policies(Policy("replicas", conditions=(Condition("spec.replicas", "Change"),)))
    house.admit(recorded("deployment-image"))
    assert house.verdicts() == ["ignored", "ignored"]
    assert fields(house.rows()[-1])["policies"][0]["policy"] == "replicas"


def test_a_project_that_is_turned_off_is_obeyed_at_once(house: House) -> None:
    house.admit(recorded("deployment-create"))
    house.settle(enabled=False)
    house.admit(recorded("deployment-image"))
    assert house.verdicts() == ["ignored"]
    assert house.counted["gitops_off"] == 1


def test_a_cluster_that_is_gone_is_obeyed_at_once(house: House) -> None:
    house.admit(recorded("deployment-create"))
    house.store.commit([CLUSTERS.delete("c1")])
    house.admit(recorded("deployment-image"))
    assert house.verdicts() == ["ignored"]


def test_a_frozen_cluster_is_obeyed_at_once(house: House) -> None:
    house.admit(recorded("deployment-create"))
    frozen = Cluster("c1", "shop", "c1", "2026-01-01T00:00:00.000Z", freeze=Freeze("a release", at="today"))
    house.store.commit([CLUSTERS.put(frozen, "c1")])
    house.admit(recorded("deployment-image"))
    row = house.rows()[-1]
    assert ("ignored", "freeze") == (row.verdict, fields(row)["rule"])
    assert "a release" in row.reason


def test_a_creation_that_a_policy_names_is_guarded_by_having_opted_in(house: House) -> None:
    house.policies(Policy("new", operations=("CREATE",)))
    house.admit(recorded("deployment-create"))
    assert house.verdicts() == ["triggered"]
    assert [one.path for one in trigger(house.rows()[-1]).changed] == ['metadata.annotations."litmuschaos.io/gitops"']


def test_a_creation_that_starts_nothing_says_what_it_was(house: House) -> None:
    house.admit(recorded("deployment-create"))
    row = house.rows()[0]
    assert row.reason.startswith("the workload was created; ")
    assert fields(row)["rule"] == "create"


def test_metadata_that_a_policy_names_is_the_guard(house: House) -> None:
    house.policies(Policy("note", conditions=(Condition("metadata.annotations.note", "Change"),)))
    house.admit(recorded("deployment-annotation-only"))
    assert house.verdicts() == ["triggered"]
    assert [one.path for one in trigger(house.rows()[-1]).changed] == ["metadata.annotations.note"]


def test_a_cache_starts_over_when_it_is_full_and_forgets_after_its_time() -> None:
    cache = Cache(seconds=5, size=2)
    one, two, three = (Versioned(Key("p", name), name, 1) for name in ("one", "two", "three"))
    cache.keep(one, 0)
    cache.keep(two, 0)
    assert (cache.recall(one.key, 4.9), cache.recall(one.key, 5)) == (one, None)
    cache.keep(three, 0)
    assert (cache.recall(one.key, 0), cache.recall(three.key, 0)) == (None, three)
