"""Reviews that are valid JSON of the right shape, and strange in every single field: answered, and never an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from shared.errors import BadInput
from tests.services.watched import House, batch, recorded

DELETED = object()
STRANGE: tuple[Any, ...] = (DELETED, None, 7, 2**70, True, "x", [], [{}], {}, {"a": 1})


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the place of every value in a JSON value, the outermost left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


def replaced(value: Any, at: tuple[str | int, ...], replacement: Any) -> Any:
    """Return the value with another at one place."""
    made = deepcopy(value)
    holder = made
    for step in at[:-1]:
        holder = holder[step]
    if replacement is DELETED:
        del holder[at[-1]]
    else:
        holder[at[-1]] = replacement
    return made


def slim(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the object with little more than what rules look at."""
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace", "uid", "generation", "resourceVersion")}
    metadata["annotations"] = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": "web-chaos"}
    container = {name: obj["spec"]["template"]["spec"]["containers"][0][name] for name in ("name", "image")}
    spec = {"replicas": 2, "template": {"spec": {"containers": [container]}}}
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": metadata, "spec": spec}


def slim_review() -> dict[str, Any]:
    review = recorded("deployment-image")
    review["request"] |= {side: slim(review["request"][side]) for side in ("object", "oldObject")}
    return review


def slim_batch() -> dict[str, Any]:
    events = batch()
    events["items"] = [
        {
            name: event[name]
            for name in ("auditID", "stage", "verb", "stageTimestamp", "objectRef", "responseStatus", "responseObject")
        }
        for event in events["items"][1:3]
    ]
    events["items"][0]["responseObject"] = slim(events["items"][0]["responseObject"])
    return events


@pytest.mark.parametrize("strange", STRANGE, ids=lambda value: repr(value)[:9])
def test_a_strange_review_is_answered_without_an_error(house: House, strange: Any) -> None:
    for review in (slim_review(), recorded("deployment-scale-subresource")):
        for number, place in enumerate(places(review)):
            review["request"]["uid"] = f"{review['request']['kind']['kind']}-{number}"
            with suppress(BadInput):
                house.admit(replaced(review, place, strange))
    assert house.counted["error"] == 0
    assert house.counted["triggered"] > 0


@pytest.mark.parametrize("strange", STRANGE, ids=lambda value: repr(value)[:9])
def test_a_strange_audit_event_is_taken_without_an_error(house: House, strange: Any) -> None:
    events = slim_batch()
    for number, place in enumerate(places(events)):
        for index, event in enumerate(events["items"]):
            event["auditID"] = f"{index}-{number}"
        with suppress(BadInput):
            assert house.hear(replaced(events, place, strange)).status == 200
    assert house.counted["broken"] > 0
