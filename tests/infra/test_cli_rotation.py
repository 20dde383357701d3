"""Rotation against a real engine: the command, and each way in over HTTP with the former secrets and the new ones."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from shared.clients.ids import new_id
from shared.clients.opening import utc_now
from shared.model.projects import FormerUse
from shared.services.ledger import stamp
from shared.services.tables import FORMER_USES
from shared.wire.standard_webhooks import key_of, sign, verify
from tests.infra.commanding import Served, served
from tests.services.watched import recorded

Json = dict[str, Any]
REVIEW = recorded("deployment-image-not-annotated")
EVENTS = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []}
NOTIFIER = 'mutation { gitopsNotifier(clusterInfo: {infraID: "%s", version: "3", accessKey: "%s"}, experimentID: "x") }'


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        yield made


@pytest.fixture
def added(portal: Served) -> Iterator[Json]:
    """Register a cluster that is gone afterwards."""
    yield portal("cluster", "add", "c1", "-p", "shop", "--json").json
    portal("cluster", "forget", "c1", "-p", "shop")


def asked(portal: Served, method: str, path: str, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, portal.engine.url + path, body=body, headers=headers, retries=False, timeout=10.0)


def taken(portal: Served, secrets: Json) -> dict[str, bool]:
    """Say which ways in take these secrets."""
    json_ = {"content-type": "application/json"}
    key, now = key_of(secrets["subscriber_secret"]), int(time.time())
    beat = json.dumps({"heartbeat": {"at": stamp(utc_now)}}).encode()
    found = {}
    for method, path, body in (
        ("POST", "/reports/c1", beat),
        ("POST", "/changes/c1", b'{"sightings": []}'),
        ("GET", "/orders/c1", b""),
    ):
        found[path] = asked(portal, method, path, body, sign(key, new_id(), now, body) | json_).status
    for name, told in (("admission_url", REVIEW), ("audit_url", EVENTS)):
        path = urlsplit(secrets[name]).path
        found[name] = asked(portal, "POST", path, json.dumps(told).encode(), json_).status
    said = json.dumps({"query": NOTIFIER % ("c1", secrets["access_key"])}).encode()
    answer = asked(portal, "POST", "/api/query", said, json_)
    assert {200, 401} >= set(found.values()), found
    return {name: status == 200 for name, status in found.items()} | {"key": b"ACCESS_DENIED" not in answer.data}


def test_each_way_in_takes_both_secrets_until_the_grace_is_ended(portal: Served, added: Json) -> None:
    ways = taken(portal, added)
    assert ({True}, 6) == (set(ways.values()), len(ways))
    made = portal("cluster", "rotate", "c1", "-p", "shop", "--by", "Ada <ada@example.org>", "--json").json
    [row] = portal("event", "list", "-p", "shop", "--kind", "cluster", "--limit", "1", "--json").json
    assert ("rotated", True) == (row["verdict"], row["reason"].startswith("Ada <ada@example.org> raised"))
    for name in ("subscriber_secret", "admission_url", "audit_url", "access_key"):
        assert added[name] != made[name]
    assert (dict.fromkeys(ways, True), dict.fromkeys(ways, True)) == (taken(portal, made), taken(portal, added))
    assert "alone count" in portal("cluster", "rotate", "c1", "-p", "shop", "--end-grace").out
    assert dict.fromkeys(ways, True) == taken(portal, made)
    portal.until(lambda: not any(taken(portal, added).values()))


def test_a_rotation_without_a_grace_leaves_the_new_secrets_alone(portal: Served, added: Json) -> None:
    made = portal("cluster", "rotate", "c1", "-p", "shop", "--grace", "0s", "--json").json
    assert (None, {True}, {False}) == (
        made["rotation"],
        set(taken(portal, made).values()),
        set(taken(portal, added).values()),
    )


def test_orders_are_signed_for_a_subscriber_with_either_secret(portal: Served, added: Json) -> None:
    made = portal("cluster", "rotate", "c1", "-p", "shop", "--json").json
    for asking in (added, made):
        signed = sign(key_of(asking["subscriber_secret"]), "asked", int(time.time()), b"")
        answer = asked(portal, "GET", "/orders/c1", b"", signed)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        for secrets in (added, made):
            assert "asked" == verify([key_of(secrets["subscriber_secret"])], headers, answer.data, time.time())


def test_a_list_and_doctor_tell_of_a_rotation_and_who_uses_the_former_secrets(portal: Served, added: Json) -> None:
    assert notes(portal) == []
    portal("cluster", "rotate", "c1", "-p", "shop")
    [row] = portal("cluster", "list", "-p", "shop", "--json").json
    until = row["rotation"]["until"]
    what = f"former secrets of cluster c1 count until {until}, last used: "
    ends = "litmus-gitops cluster rotate c1 -p shop --end-grace"
    assert [(f"{what}never", f"once the new ones are in use, {ends} ends it now")] == notes(portal)
    taken(portal, added)
    [row] = portal("cluster", "list", "-p", "shop", "--json").json
    used = row["rotation"]["former_used"]
    assert {"subscriber", "admission", "audit", "access-key"} == used.keys()
    told = ", ".join(f"{purpose} at {used[purpose]}" for purpose in sorted(used))
    assert [(f"{what}{told}", f"give the new ones to whoever uses them, then {ends}")] == notes(portal)
    assert f"until {until}, last used: {told}" in portal("cluster", "list", "-p", "shop").out


def test_doctor_finds_a_cluster_that_will_be_refused_soon(portal: Served, added: Json) -> None:
    taken(portal, added)
    portal("cluster", "rotate", "c1", "-p", "shop", "--grace", "1h")
    taken(portal, added)
    [(what, mend)] = rows(portal, "finding")
    assert what.startswith("cluster c1 still uses former secrets, which count until ")
    assert mend == "give it the new ones before that: docs/clusters.md, Other secrets"
    portal("cluster", "rotate", "c1", "-p", "shop", "--end-grace")
    assert ([], []) == (rows(portal, "finding"), notes(portal))


def test_a_grace_that_was_used_long_ago_alone_is_no_finding(portal: Served, added: Json) -> None:
    taken(portal, added)
    portal("cluster", "rotate", "c1", "-p", "shop", "--grace", "1h")
    portal.store.commit([FORMER_USES.put(FormerUse(1, "2026-01-01T00:00:00.000Z"), "c1", "audit")])
    assert ([], 1) == (rows(portal, "finding"), len(notes(portal)))


def test_words_that_contradict_each_other_are_refused(portal: Served, added: Json) -> None:
    refused = portal("cluster", "rotate", "c1", "-p", "shop", "--grace", "1h", "--end-grace", code=2)
    assert "makes no other secrets" in refused.err
    assert "no duration" in portal("cluster", "rotate", "c1", "-p", "shop", "--grace", "soon", code=1).err
    assert set(taken(portal, added).values()) == {True}


def rows(portal: Served, severity: str) -> list[tuple[str, str]]:
    """Return what doctor says of the project, and the mends."""
    found = portal.run("doctor", "--json").json
    return [(row["what"], row["mend"]) for row in found if row["place"] == "shop" and row["severity"] == severity]


def notes(portal: Served) -> list[tuple[str, str]]:
    """Return the notes about rotations."""
    return [row for row in rows(portal, "note") if "former secrets" in row[0]]
