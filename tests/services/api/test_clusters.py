from __future__ import annotations

from dataclasses import replace

import pytest

from shared.services.api.clusters import Clusters
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from tests.services.api.conftest import Api, body, client

CLUSTERS = "/projects/shop/clusters"
CENTER = {
    "url": "https://litmus.example.org/query",
    "project_id": "8a1c",
    "infra_id": "5f2e",
    "credential": "file:litmus-token",
}


@pytest.fixture
def api(desk: Desk) -> Api:
    call = client([*Projects(desk).operations(), *Clusters(desk).operations()])
    for project in ("shop", "bank"):
        call("POST", "/projects", {"id": project, "name": project})
    return call


def test_registering_shows_the_secrets_this_once(api: Api) -> None:
    first = body(api("POST", CLUSTERS, {"id": "c1", "name": "One", "labels": {"env": "test"}}))
    assert first["admission_url"].startswith("https://portal.example.org/admission/c1/")
    assert first["audit_url"].startswith("https://portal.example.org/audit/c1/")
    assert first["subscriber_secret"].startswith("whsec_")
    listed = body(api("GET", CLUSTERS))["items"]
    assert [("c1", {"env": "test"}, None)] == [(c["id"], c["labels"], c["last_seen"]) for c in listed]
    assert not {"admission_url", "audit_url", "subscriber_secret"} & listed[0].keys()


def test_an_id_is_unique_over_all_projects(api: Api) -> None:
    assert api("POST", CLUSTERS, {"id": "c1", "name": "x"}).status == 201
    assert api("POST", "/projects/bank/clusters", {"id": "c1", "name": "x"}).status == 409
    assert body(api("GET", "/projects/bank/clusters"))["items"] == []


def test_a_forgotten_cluster_is_gone_and_its_id_free(api: Api) -> None:
    api("POST", CLUSTERS, {"id": "c1", "name": "x"})
    assert api("DELETE", f"{CLUSTERS}/c1").status == 204
    assert api("DELETE", f"{CLUSTERS}/c1").status == 404
    assert api("POST", "/projects/bank/clusters", {"id": "c1", "name": "x"}).status == 201


@pytest.mark.parametrize("wrong", [{"id": "a/b"}, {"id": ""}, {"subscriber_url": "ftp://x"}, {"labels": {"a": 1}}])
def test_a_wrong_cluster_is_refused(api: Api, wrong: dict[str, object]) -> None:
    assert api("POST", CLUSTERS, {"id": "c1", "name": "x"} | wrong).status == 422


def test_a_cluster_may_be_reached_through_a_chaoscenter(api: Api) -> None:
    made = api("POST", CLUSTERS, {"id": "c1", "name": "x", "chaoscenter": CENTER})
    assert (201, CENTER) == (made.status, body(made)["chaoscenter"])
    assert [CENTER] == [cluster["chaoscenter"] for cluster in body(api("GET", CLUSTERS))["items"]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param({"subscriber_url": "https://s.example.org"}, "not both", id="a subscriber, too"),
        pytest.param({"chaoscenter": {"url": "https://x.example.org"}}, "project_id", id="half of it"),
        pytest.param({"chaoscenter": CENTER | {"credential": "secret"}}, "credential", id="a secret itself"),
        pytest.param({"chaoscenter": CENTER | {"url": "https://a:b@x.org"}}, "a bearer token", id="a password"),
        pytest.param({"chaoscenter": CENTER | {"url": "file:///x"}}, "chaoscenter.url", id="no http"),
    ],
)
def test_a_wrong_chaoscenter_is_refused(api: Api, wrong: dict[str, object], words: str) -> None:
    refused = api("POST", CLUSTERS, {"id": "c1", "name": "x", "chaoscenter": CENTER} | wrong)
    assert 422 == refused.status
    assert words in str(body(refused))


def test_a_chaoscenter_on_our_own_network_is_refused_where_that_is_not_allowed(desk: Desk) -> None:
    strict = replace(desk, allow_local=False)
    call = client([*Projects(strict).operations(), *Clusters(strict).operations()])
    call("POST", "/projects", {"id": "shop", "name": "x"})
    for url in ("http://litmus.example.org/query", "https://127.0.0.1/query"):
        refused = call("POST", CLUSTERS, {"id": "c1", "name": "x", "chaoscenter": CENTER | {"url": url}})
        assert (422, True) == (refused.status, "this machine or its network" in str(body(refused)))
