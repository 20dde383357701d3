from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest

from shared.model.records import Put
from shared.services.api.desk import Desk
from shared.services.api.events import WALK, Events
from shared.services.api.projects import Projects
from shared.services.batches import batches
from shared.services.tables import EVENTS as ROWS
from tests.services.api.conftest import Api, body, client, everything

EVENTS = "/projects/shop/events"


@pytest.fixture
def api(desk: Desk) -> Api:
    call = client([*Projects(desk).operations(), *Events(desk).operations()])
    call("POST", "/projects", {"id": "shop", "name": "Shop"})
    call("PUT", "/projects/shop/gitops", {"repo_url": "https://git.example.org/r"})
    return call


def _write(desk: Desk, kind: str, verdict: str, subject: str) -> str:
    event, put = desk.ledger.row("shop", kind, verdict=verdict, reason="because", subject=subject)  # type: ignore[arg-type]
    assert isinstance(put, Put)
    desk.store.commit([put])
    return event.id


def test_rows_of_all_kinds_come_newest_first(api: Api, desk: Desk) -> None:
    kinds = ["delivery", "sync", "change", "order", "sync", "change"]
    ids = [_write(desk, kind, "done", "x") for kind in kinds]
    assert ids[::-1] == [row["id"] for row in body(api("GET", EVENTS))["items"]]


def test_pages_neither_lose_nor_repeat_a_row(api: Api, desk: Desk) -> None:
    ids = [_write(desk, ("change", "order", "run")[number % 3], "done", "x") for number in range(10)]
    assert ids[::-1] == everything(api, EVENTS, 4)


def test_kind_workload_and_time_narrow_the_list(api: Api, desk: Desk) -> None:
    _write(desk, "change", "ignored", "Deployment/a/web")
    wanted = _write(desk, "change", "ignored", "Deployment/a/api")
    _write(desk, "order", "taken", "Deployment/a/api")
    assert [wanted] == [e["id"] for e in body(api("GET", f"{EVENTS}?kind=change&workload=Deployment/a/api"))["items"]]
    assert body(api("GET", f"{EVENTS}?since=2999-01-01T00:00:00Z"))["items"] == []
    assert len(body(api("GET", f"{EVENTS}?since=2020-01-01T00:00:00Z"))["items"]) == 3


def _fill(desk: Desk, number: int, subject: str) -> None:
    rows = (desk.ledger.row("shop", "change", verdict="ignored", reason="", subject=subject)[1] for _ in range(number))
    for batch in batches(rows):
        desk.store.commit(batch)


def test_a_filter_walks_a_bounded_number_of_rows_and_goes_on_with_the_cursor(api: Api, desk: Desk) -> None:
    wanted = [_write(desk, "change", "ignored", "Deployment/a/rare") for _ in range(2)]
    _fill(desk, WALK + 10, "Deployment/a/web")
    newest = _write(desk, "change", "ignored", "Deployment/a/rare")
    query = f"{EVENTS}?workload=Deployment/a/rare&limit=2"
    first = body(api("GET", query))
    assert [newest] == [row["id"] for row in first["items"]]
    assert re.fullmatch("[A-Za-z0-9_-]+", first["next"])
    second = body(api("GET", f"{query}&cursor={first['next']}"))
    assert (wanted[::-1], None) == ([row["id"] for row in second["items"]], second["next"])


def test_a_row_that_was_written_long_after_its_id_was_made_is_not_lost(api: Api, desk: Desk) -> None:
    order, _ = desk.ledger.row("shop", "order", verdict="ordered", reason="", subject="kill")
    _fill(desk, 3, "Deployment/a/web")
    soon, later = ((desk.clock() + timedelta(minutes=minutes)).isoformat() for minutes in (10, 30))
    desk.store.commit([ROWS.put(msgspec.structs.replace(order, at=later), "shop", "order", order.id)])
    assert [order.id] == [row["id"] for row in body(api("GET", f"{EVENTS}?since={soon}"))["items"]]


def test_a_page_is_in_the_order_of_time_even_where_ids_are_not(api: Api, desk: Desk) -> None:
    order, _ = desk.ledger.row("shop", "order", verdict="ordered", reason="", subject="kill")
    sync = _write(desk, "sync", "synced", "shop")
    later = (desk.clock() + timedelta(minutes=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    desk.store.commit([ROWS.put(msgspec.structs.replace(order, at=later), "shop", "order", order.id)])
    assert [order.id, sync] == [row["id"] for row in body(api("GET", EVENTS))["items"]]
    assert {order.id, sync} == set(everything(api, EVENTS, 1))


@pytest.mark.parametrize(
    "query",
    ["kind=rumour", "since=yesterday", "since=2026-01-01T00:00:00", "since=2026-01-01", "since=\x00", "limit=-1"],
)
def test_a_wrong_filter_is_refused(api: Api, query: str) -> None:
    assert api("GET", f"{EVENTS}?{query}").status == 400


def test_one_row_is_shown_and_an_unknown_one_is_not(api: Api, desk: Desk) -> None:
    event = _write(desk, "sync", "synced", "shop")
    assert body(api("GET", f"{EVENTS}/{event}"))["verdict"] == "synced"
    assert api("GET", f"{EVENTS}/none").status == 404


@pytest.mark.parametrize(
    ("kind", "verdict", "expected"),
    [
        pytest.param("delivery", "accepted", 202, id="delivery"),
        pytest.param("change", "triggered", 202, id="triggered"),
        pytest.param("change", "ignored", 409, id="ignored"),
        pytest.param("report", "done", 409, id="report"),
    ],
)
def test_only_what_can_be_done_again_is_replayed(api: Api, desk: Desk, kind: str, verdict: str, expected: int) -> None:
    event = _write(desk, kind, verdict, "x")
    assert expected == api("POST", f"{EVENTS}/{event}/replay", {"dry_run": True}).status
    assert expected == api("POST", f"{EVENTS}/{event}/replay", {}).status
