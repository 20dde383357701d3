"""A heartbeat's list against what is tracked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.model.changes import Side, Tracked, Workload
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.rules import sides
from shared.rules.digests import side
from shared.rules.presences import Compared, compared

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, RECENT = "2026-01-01T11:00:00.000Z", "2026-01-01T11:59:00.000Z"
WEB = Workload("c1", "Deployment", "shop", "web")


def shown(image: str = "a:1", **metadata: Any) -> Side:
    head = {"name": "web", "namespace": "shop", "uid": "u1", "annotations": {"litmuschaos.io/gitops": "true"}}
    return side({"kind": "Deployment", "metadata": head | metadata, "spec": {"image": image}}, b"k")


def seen(one: Side) -> SeenWorkload:
    return SeenWorkload("Deployment", "shop", "web", one.uid, one.digest, one.generation, sides.marks(one))


def heard(*workloads: SeenWorkload, listed: tuple[str, ...] = ("Deployment",)) -> Heartbeat:
    return Heartbeat("2026-01-01T12:00:00.000Z", workloads=workloads, listed=listed)


def look(tracked: Tracked | None, heartbeat: Heartbeat) -> Compared:
    return compared(heartbeat, [tracked] if tracked else [], NOW)


def test_what_is_as_the_fact_has_it_needs_nothing() -> None:
    assert Compared() == look(Tracked(WEB, shown(), at=OLD), heard(seen(shown())))


def test_a_candidate_that_did_not_come_to_be_is_left_to_the_other_signals() -> None:
    assert Compared() == look(Tracked(WEB, shown(), shown("a:2"), OLD), heard(seen(shown())))


def test_a_candidate_that_is_there_is_confirmed() -> None:
    tracked = Tracked(WEB, shown(), shown("a:2"), OLD)
    assert Compared(confirmed=(tracked,)) == look(tracked, heard(seen(shown("a:2"))))


@pytest.mark.parametrize(
    "tracked",
    [
        pytest.param(None, id="not tracked"),
        pytest.param(Tracked(WEB, shown("a:1"), at=OLD), id="another content"),
        pytest.param(Tracked(WEB, shown("a:2", uid="u0"), at=OLD), id="another object"),
        pytest.param(Tracked(WEB, shown("a:2", labels={"a": "b"}), at=OLD), id="other labels"),
        pytest.param(Tracked(WEB, None, shown("a:3"), OLD), id="another candidate"),
        pytest.param(Tracked(WEB, shown("a:2", generation=2), at=OLD), id="a generation that went back"),
        pytest.param(Tracked(WEB, shown(), shown("a:2", generation=2), OLD), id="a candidate's that went back"),
        pytest.param(
            Tracked(WEB, shown("a:1"), msgspec.structs.replace(shown("a:2"), partial=True), OLD),
            id="a candidate joined from a scale",
        ),
        pytest.param(Tracked(WEB, shown("a:2"), at=OLD, deleted_at=OLD), id="deleted"),
    ],
)
def test_what_is_not_known_is_to_be_seen_whole(tracked: Tracked | None) -> None:
    there = seen(shown("a:2", generation=1))
    assert Compared(wanted=(there,)) == look(tracked, heard(there))


def test_what_a_whole_list_lacks_is_gone() -> None:
    tracked = Tracked(WEB, shown(), at=OLD)
    assert Compared(gone=(tracked,)) == look(tracked, heard())


@pytest.mark.parametrize(
    ("tracked", "listed"),
    [
        pytest.param(Tracked(WEB, shown(), at=OLD), ("StatefulSet",), id="its kind was not listed"),
        pytest.param(Tracked(WEB, shown(), at=RECENT), ("Deployment",), id="there was news of it just now"),
        pytest.param(Tracked(WEB, shown(annotations={}), at=OLD), ("Deployment",), id="it has opted out"),
        pytest.param(Tracked(WEB, at=OLD), ("Deployment",), id="it was never shown"),
        pytest.param(Tracked(WEB, shown(), at=OLD, deleted_at=OLD), ("Deployment",), id="it is known to be gone"),
    ],
)
def test_what_a_list_lacks_for_another_reason_stays(tracked: Tracked, listed: tuple[str, ...]) -> None:
    assert Compared() == look(tracked, heard(listed=listed))
