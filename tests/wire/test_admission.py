from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.model.changes import Side, Sighting, Workload
from shared.rules.digests import side
from shared.wire.admission import Review, allow, read_review

REVIEWS = Path(__file__).parent.parent / "deliveries" / "admission"
AT = "2026-11-22T21:00:00.000Z"
WRONG: tuple[Any, ...] = (None, 7, 1.5, True, "x" * 300, "a/b", [], [1], {}, {"a": 1}, "\u0000")
DELETED = object()


def recorded(name: str) -> dict[str, Any]:
    review: dict[str, Any] = json.loads((REVIEWS / f"{name}.json").read_bytes())
    return review


def read(review: Any) -> Review:
    return read_review(json.dumps(review).encode())


def sight(obj: dict[str, Any]) -> Side:
    return side(obj, b"key")


def seen(review: Any) -> Sighting:
    return read(review).sighting("c1", AT, sight)


def test_an_update_is_read_with_both_sides() -> None:
    review = recorded("deployment-image")
    sighting = seen(review)
    assert sighting == Sighting(
        id=review["request"]["uid"],
        source="admission",
        operation="UPDATE",
        workload=Workload("c1", "Deployment", "default", "web"),
        actor="admin",
        at=AT,
        old=sight(review["request"]["oldObject"]),
        new=sight(review["request"]["object"]),
        actor_groups=("system:masters", "system:authenticated"),
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, None, id="an update"),
        pytest.param({"dryRun": True}, "dry_run", id="a dry run"),
        pytest.param({"operation": "CONNECT"}, "other", id="a connection"),
        pytest.param({"subResource": "status"}, "other", id="a status"),
        pytest.param({"subResource": "scale", "object": None, "oldObject": None}, None, id="a scale"),
        pytest.param({"object": None, "oldObject": None}, "not_annotated", id="nothing annotated"),
    ],
)
def test_what_cannot_matter_says_why(changes: dict[str, Any], expected: str | None) -> None:
    review = recorded("deployment-image")
    review["request"] |= changes
    assert expected == read(review).untold


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("deployment-create", ("CREATE", False, True), id="create"),
        pytest.param("deployment-image", ("UPDATE", True, True), id="update"),
        pytest.param("deployment-delete", ("DELETE", True, False), id="delete"),
    ],
)
def test_each_operation_has_its_sides(name: str, expected: tuple[str, bool, bool]) -> None:
    sighting = seen(recorded(name))
    assert expected == (sighting.operation, sighting.old is not None, sighting.new is not None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("deployment-image", True, id="on both sides"),
        pytest.param("deployment-opt-out", True, id="on the old side"),
        pytest.param("deployment-create", True, id="on the new side"),
        pytest.param("deployment-image-opted-out", True, id="experiments named, but not opted in"),
        pytest.param("deployment-image-not-annotated", False, id="on neither"),
        pytest.param("deployment-create-not-annotated", False, id="created without"),
        pytest.param("deployment-scale-subresource", False, id="a Scale knows none"),
        pytest.param("configmap-change", True, id="a ConfigMap"),
    ],
)
def test_whether_either_side_is_annotated_is_known_early(name: str, *, expected: bool) -> None:
    assert expected == read(recorded(name)).annotated


def test_a_scale_is_of_the_workload_that_its_resource_names() -> None:
    review = read(recorded("deployment-scale-subresource"))
    assert (True, "Deployment", "default", "web") == (review.scale, review.kind, review.namespace, review.name)
    sighting = review.sighting("c1", AT, sight)
    assert sighting.new is not None
    assert sighting.new.partial


def test_all_kinds_are_known_that_the_request_and_its_objects_name() -> None:
    review = recorded("deployment-image")
    review["request"]["oldObject"]["kind"] = "Secret"
    found = read(review)
    assert (frozenset({"Deployment", "Secret"}), "Deployment/default/web") == (found.kinds, found.subject)
    assert {"Scale"} == read(recorded("deployment-scale-subresource")).kinds


@pytest.mark.parametrize("name", sorted(path.stem for path in REVIEWS.glob("*.json") if "dry-run" not in path.stem))
def test_what_is_needed_of_a_review_tells_the_same(name: str) -> None:
    review = recorded(name)
    review["request"]["userInfo"]["extra"] = {"assertion": ["who-asked"]}
    found = read_review(json.dumps(review).encode())
    again = read_review(found.needed())
    assert found.sighting("c1", AT, sight) == again.sighting("c1", AT, sight)
    assert (found.subject, found.kinds, found.untold) == (again.subject, again.kinds, again.untold)
    assert not any(left in found.needed() for left in (b"who-asked", b"managedFields", b'"status"'))


def test_what_is_needed_of_an_object_without_metadata_or_without_any_is_the_rest() -> None:
    review = recorded("deployment-create")
    empty: list[dict[str, Any] | None] = [None, {}]
    for metadata in empty:
        review["request"]["object"] = {"metadata": metadata, "spec": {"replicas": 1}}
        told = json.loads(read(review).needed())["request"]
        assert (metadata, {"replicas": 1}) == (told["object"]["metadata"], told["object"]["spec"])
    review["request"]["object"] = {"spec": {}}
    assert {"spec": {}} == json.loads(read(review).needed())["request"]["object"]


def test_a_scale_of_an_unknown_resource_keeps_the_resources_name() -> None:
    review = recorded("deployment-scale-subresource")
    review["request"]["resource"]["resource"] = "widgets"
    assert read(review).kind == "widgets"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("deployment-image-dry-run", True, id="a dry run"),
        pytest.param("deployment-image", False, id="a real one"),
    ],
)
def test_a_dry_run_is_known_as_such(name: str, *, expected: bool) -> None:
    assert expected == read(recorded(name)).dry_run


def test_what_the_request_leaves_out_is_taken_from_the_object_or_empty() -> None:
    review = recorded("deployment-delete")
    for field in ("name", "namespace", "userInfo", "dryRun"):
        del review["request"][field]
    shown = read(review)
    assert ("web", "", "", (), False) == (shown.name, shown.namespace, shown.actor, shown.actor_groups, shown.dry_run)


def test_an_object_without_a_name_has_none() -> None:
    review = recorded("deployment-create")
    review["request"]["name"] = None
    review["request"]["object"] = {"kind": "Deployment"}
    assert read(review).name == ""


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b"", "no AdmissionReview of admission.k8s.io/v1", id="empty"),
        pytest.param(b"\xff\xfe", "no AdmissionReview", id="no text"),
        pytest.param(b"{", "no AdmissionReview", id="cut off"),
        pytest.param(b"[]", "Expected `object`, got `array`", id="a list"),
        pytest.param(b'{"request":' * 100_000, "no AdmissionReview", id="without an end"),
        pytest.param(b'{"kind":"Pod","apiVersion":"v1"}', "found 'Pod' of 'v1'", id="another kind"),
        pytest.param(
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":null}',
            "found 'AdmissionReview' of 'admission.k8s.io/v1beta1'",
            id="an older version",
        ),
        pytest.param(
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', "holds no request", id="no request"
        ),
        pytest.param(
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"a","allowed":true}}',
            "holds no request",
            id="an answer",
        ),
    ],
)
def test_what_is_no_review_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_review(body)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("[" * 5_000 + "]" * 5_000, id="nested too deeply to decode"),
        pytest.param("[" * 990 + "]" * 990, id="nested too deeply to digest"),
        pytest.param("1e999", id="a number that is none"),
    ],
)
def test_an_object_that_cannot_be_read_is_named(broken: str) -> None:
    body = json.dumps(recorded("deployment-create")).replace('"replicas": 2', f'"replicas": {broken}')
    with pytest.raises(BadInput, match=r"cannot be read|no AdmissionReview"):
        read_review(body.encode()).sighting("c1", AT, sight)


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*at, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*at, index))


def _with(value: Any, at: tuple[str | int, ...], replacement: Any) -> Any:
    changed = deepcopy(value)
    holder = changed
    for step in at[:-1]:
        holder = holder[step]
    if replacement is DELETED:
        del holder[at[-1]]
    else:
        holder[at[-1]] = replacement
    return changed


@pytest.mark.parametrize("name", ["deployment-scale-subresource", "configmap-change", "deployment-create"])
@pytest.mark.parametrize("replacement", [DELETED, *WRONG], ids=lambda value: repr(value)[:12])
def test_whatever_is_missing_or_of_another_type_is_read_or_refused(name: str, replacement: Any) -> None:
    review = recorded(name)
    for place in _places(review):
        if place:
            with suppress(BadInput):
                assert seen(_with(review, place, replacement)).source == "admission"


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_review(body)


@given(st.integers(0, 1_600))
def test_no_cut_makes_it_fail_otherwise(length: int) -> None:
    with pytest.raises(BadInput):
        read_review((REVIEWS / "deployment-scale-subresource.json").read_bytes()[:length])


def test_the_answer_allows_and_repeats_the_uid() -> None:
    assert allow("u-1") == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "u-1", "allowed": True},
    }
