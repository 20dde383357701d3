"""Releases side by side on one store: each reads what the other wrote, and what it does not know does no harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from shared.model.messages import Message
from shared.wire import cloudevents
from tests.upgrade.builders import older, optional_fields, values, with_more
from tests.upgrade.recording import shapes, types
from tests.upgrade.restoring import RELEASES, recorded

TYPES = types()
STRUCTS = {name: kind for name, kind in TYPES.items() if inspect.is_struct_type(kind)}
KINDS = {name: inspect.type_info(kind) for name, kind in STRUCTS.items()}
DRAWN = {name: values(kind) for name, kind in KINDS.items()}
releases = pytest.mark.parametrize("release", RELEASES, ids=[path.stem for path in RELEASES])


def _read(partition: str, value: Any) -> Any:
    return msgspec.json.decode(json.dumps(value), type=TYPES[partition.partition("/")[0]])


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, with those fields that some records leave out while they are as at first."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return msgspec.json.decode(msgspec.json.encode(value))


def _kept(before: Any, after: Any) -> bool:
    """Whether all of a value is in another one, which may hold more."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and _kept(part, after[name]) for name, part in before.items())
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return all(_kept(*pair) for pair in zip(before, after, strict=True))
    return bool(before == after)


@releases
def test_every_record_of_a_former_release_is_read_and_written_without_a_loss(release: Path) -> None:
    left = recorded(release)["records"]
    assert len(left) > 30
    for partition, sort, value, _ in left:
        assert _kept(value, _plain(_read(partition, value))), (partition, sort)


@releases
def test_no_record_has_come_to_need_a_field_that_a_former_release_did_not_write(release: Path) -> None:
    former, today = recorded(release)["shapes"], shapes()
    assert former["tables"] == {name: today["tables"].get(name) for name in former["tables"]}
    for name, shape in former["structs"].items():
        if name in today["structs"]:
            new = set(today["structs"][name].get("required", ())) - set(shape.get("required", ()))
            assert not new, f"give these fields of {name} a default: {sorted(new)}"


@releases
def test_no_field_that_a_former_release_reads_is_gone_or_of_another_type(release: Path) -> None:
    former, today = recorded(release)["shapes"]["structs"], shapes()["structs"]
    for name, shape in former.items():
        if name in today:
            fields = today[name]["properties"]
            assert set() == set(shape["properties"]) - set(fields), name
            for field, was in shape["properties"].items():
                assert _widened(was, fields[field]), f"{name}.{field} was {was} and is {fields[field]}"


def _widened(was: Any, now: Any) -> bool:
    """Whether a schema takes all that a former one took; a default may be another, and words may be added."""
    if isinstance(was, dict) and isinstance(now, dict):
        return all(_widened(part, now.get(name)) for name, part in was.items() if name not in {"default", "title"})
    if isinstance(was, list) and isinstance(now, list):
        return all(any(_widened(one, other) for other in now) for one in was)
    return bool(was == now)


@given(st.data())
@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_fields_of_a_later_release_are_passed_over_wherever_they_stand(name: str, data: st.DataObject) -> None:
    value = data.draw(DRAWN[name])
    assert _read(name, value) == _read(name, with_more(KINDS[name], value))


@given(st.data())
@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_a_release_from_before_a_field_reads_what_is_written_with_it(name: str, data: st.DataObject) -> None:
    kind = STRUCTS[name]
    value = _read(name, data.draw(DRAWN[name]))
    for field in optional_fields(kind):
        former = msgspec.json.decode(msgspec.json.encode(value), type=older(kind, field))
        rest = {one: part for one, part in _plain(value).items() if one != field}
        assert rest == _plain(former)
        again = _plain(msgspec.json.decode(msgspec.json.encode(former), type=kind))
        assert rest == {one: part for one, part in again.items() if one != field}


@releases
def test_a_message_of_a_former_release_is_delivered_as_it_was_meant(release: Path) -> None:
    [(name, function, action, ids, *_)] = recorded(release)["messages"]
    sent = Message(name, function, action, json.loads(ids))
    assert sent == cloudevents.decode(cloudevents.encode(sent))


def test_a_message_with_attributes_of_a_later_release_is_taken() -> None:
    sent = Message("m", "sync", "project", {"project": "shop"})
    event = json.loads(cloudevents.encode(sent)) | {"attributeoflater": 1}
    assert sent == cloudevents.decode(json.dumps(event).encode())
