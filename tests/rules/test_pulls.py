from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.model.experiments import Manifest, Problem
from shared.model.hosting import Annotation
from shared.model.policies import Policy
from shared.model.projects import Safety
from shared.rules.pulls import differing
from tests.rules.pulled import GROUND, cart, changed, fault, found, stored

Found = tuple[int, str, str, str]


def told(manifest: Manifest, **ground: Any) -> list[Found]:
    annotations = found(changed(manifest), ground=msgspec.structs.replace(GROUND, **ground))
    return [(one.line, one.level, one.title, one.message) for one in annotations]


def test_a_good_file_has_no_findings() -> None:
    assert () == found(changed(cart(infra_id="eu")), changed(Policy("images"), "p.yaml"))


def test_only_what_a_request_adds_or_changes_is_looked_at() -> None:
    base, head = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9", "d": "3"}
    assert {"b": "9", "d": "3"} == differing(base, head)


def test_a_broken_file_is_an_error_where_it_breaks() -> None:
    problem = Problem("a tab indents this line", 3, 2)
    expected = Annotation("a.yaml", 3, problem.message, "failure", "This file cannot be read", 2)
    assert (expected,) == found(changed(problem))


def test_a_policy_that_is_wrong_is_an_error_where_it_is() -> None:
    problem = Problem("spec.conditions[0].key: 'a..b' is no JMESPath", 9, 7)
    expected = Annotation("p.yaml", 9, problem.message, "failure", "This policy is invalid", 7)
    assert (expected,) == found(changed(Policy("images", problem=problem), "p.yaml"))


def test_a_place_that_is_not_known_is_the_first_line() -> None:
    assert [1, 1] == [one.line for one in found(changed(Problem("x")), changed(Policy("p", problem=Problem("x")), "p"))]


@pytest.mark.parametrize("name", ["eu", "eu-old"])
def test_a_cluster_is_known_by_its_id_and_its_label(name: str) -> None:
    assert [] == told(cart(infra_id=name))


def test_an_unknown_cluster_is_a_doubt_that_names_the_known_ones() -> None:
    mend = "the project has no cluster 'us': name one of its own (eu), or map it to one"
    assert [(6, "warning", "Unknown cluster", mend)] == told(cart(infra_id="us"))
    assert "none is registered" in told(cart(infra_id="us"), clusters=())[0][3]


def test_a_foreign_infra_id_means_the_cluster_that_the_settings_say() -> None:
    assert [] == told(cart(infra_id="us"), infra_ids={"us": "eu"})
    assert ["Unknown cluster"] == [one[2] for one in told(cart(infra_id="us"), infra_ids={"us": "asia"})]


@pytest.mark.parametrize(
    ("named", "level", "said"),
    [
        pytest.param("eu, tier=staging", None, "", id="known ones"),
        pytest.param("us", "warning", "the project has no cluster us (there are: eu)", id="an unknown one"),
        pytest.param("tier=gold", "warning", "no cluster of the project has the labels tier=gold", id="no such label"),
        pytest.param(" ,", "failure", "names no cluster", id="none"),
        pytest.param("tier=", "failure", "has 'tier='", id="no value"),
        pytest.param("=staging", "failure", "has '=staging'", id="no key"),
        pytest.param("a=b=c", "failure", "has 'a=b=c'", id="too many values"),
    ],
)
def test_clusters_are_ids_and_labels(named: str, level: str | None, said: str) -> None:
    findings = told(cart(annotations={"litmuschaos.io/clusters": named}))
    assert ([(7, level)] if level else []) == [one[:2] for one in findings]
    assert all(said in one[3] for one in findings)


def test_a_fault_that_is_not_allowed_is_an_error_at_its_name() -> None:
    said = "the fault pod-delete is not among those allowed: pod-cpu-*"
    assert [(20, "failure", "Forbidden fault", said)] == told(cart(), safety=Safety(allowed_faults=("pod-cpu-*",)))
    assert [] == told(cart(), safety=Safety(allowed_faults=("pod-cpu-*", "pod-del*")))


def test_a_namespace_that_is_not_allowed_is_an_error_where_it_is_named() -> None:
    said = "the namespace prod is not among those allowed: shop, test-*"
    manifest = cart(faults=(fault(others=("prod", "test-1")),))
    assert [(15, "failure", "Namespace not allowed", said)] == told(
        manifest, safety=Safety(allowed_namespaces=("shop", "test-*"))
    )


def test_what_may_be_used_must_be_known_before_it_runs() -> None:
    safety = Safety(allowed_namespaces=("shop",))
    unknown, none = told(cart(faults=(fault(namespace=None),)), safety=safety), told(cart(faults=()), safety=safety)
    assert [[(15, "failure")], [(1, "failure")]] == [[one[:2] for one in findings] for findings in (unknown, none)]
    assert "only shop may be used" in unknown[0][3]
    assert "names no fault that is known before it runs, and only shop may be used" in none[0][3]


@pytest.mark.parametrize(
    ("annotation", "value", "line"),
    [
        pytest.param("litmuschaos.io/pass-score", "eighty", 8, id="a threshold"),
        pytest.param("litmuschaos.io/run-on-push", "always", 9, id="when it runs"),
    ],
)
def test_an_annotation_that_cannot_be_heeded_is_an_error_at_its_line(annotation: str, value: str, line: int) -> None:
    [finding] = told(cart(annotations={annotation: value}))
    assert (line, "failure", f"Invalid {annotation.partition('/')[2]}") == finding[:3]
    assert f"{annotation} is {value!r}; write" in finding[3]


@pytest.mark.parametrize(
    ("changes", "title", "line"),
    [
        pytest.param({"probes": ()}, "Missing probe", 10, id="none"),
        pytest.param({"unresolved_probes": ("slow", "up")}, "Unresolved probe", 10, id="one that is elsewhere"),
    ],
)
def test_a_fault_that_measures_nothing_is_a_doubt(changes: dict[str, Any], title: str, line: int) -> None:
    [finding] = told(cart(faults=(fault(**changes),)))
    assert (line, "warning", title) == finding[:3]


def test_doubts_of_the_reader_are_kept_but_not_said_twice() -> None:
    doubts = (Problem("run-on-push is 'x' and not heeded", 9, 5), Problem("the weight 'x' is no whole number", 4, 3))
    manifest = cart(annotations={"litmuschaos.io/run-on-push": "x"}, warnings=doubts)
    assert [(9, "failure"), (4, "warning")] == [one[:2] for one in told(manifest)]


def test_a_taken_id_is_an_error_that_names_who_has_it() -> None:
    there = stored("cart.yaml", "L", cart(workflow_id="L"))
    ground = msgspec.structs.replace(GROUND, stored=(there,))
    [finding] = found(changed(cart(workflow_id="L")), ground=ground, head={there.path: there.blob})
    assert ("a.yaml", 5, "failure", "Taken workflow_id") == (finding.path, finding.line, finding.level, finding.title)
    assert "workflow_id 'L' belongs to cart.yaml: give this file another" == finding.message


def test_an_id_that_two_new_files_ask_for_is_an_error_in_the_second() -> None:
    files = [changed(cart(workflow_id="L"), path) for path in ("b.yaml", "a.yaml")]
    assert ["b.yaml"] == [finding.path for finding in found(*files)]


def test_an_id_is_free_where_its_file_goes_or_is_renamed() -> None:
    there = stored("cart.yaml", "L", cart(workflow_id="L"))
    ground = msgspec.structs.replace(GROUND, stored=(there,))
    assert () == found(changed(cart(workflow_id="L")), ground=ground)


def test_a_change_of_a_file_keeps_its_own_id() -> None:
    there = stored("a.yaml", "L", cart(workflow_id="L"))
    ground = msgspec.structs.replace(GROUND, stored=(there,))
    mended = msgspec.structs.replace(changed(cart(workflow_id="L"), before=there.blob), blob="new")
    assert () == found(mended, ground=ground)


def test_what_the_portal_never_read_is_left_out() -> None:
    assert () == found(changed(cart(workflow_id="L")), head={"other.yaml": "unknown"})
