"""The catalogue: what functions are, read from their source, is what they are when they run."""

from __future__ import annotations

import pytest

from infra.deploying.catalogue import API, catalogue
from infra.deployments import AWS, DEPLOYMENTS
from infra.local.gateway import FUNCTIONS, function_of
from shared.model.messages import Message


def test_every_route_is_the_gateways_as_well() -> None:
    for one in catalogue(AWS):
        for route in one.routes:
            path = route.partition(" ")[2]
            assert one.name == function_of(path), route
    segments = {route.split("/")[1] for one in catalogue(AWS) for route in one.routes}
    assert FUNCTIONS.keys() <= segments


def test_the_portal_has_the_api_the_page_and_what_operators_ask() -> None:
    (portal,) = [one for one in catalogue(AWS) if one.name == "portal"]
    assert {API, "GET /", "GET /page.css", "GET /page.js", "GET /healthz", "GET /readyz"} == set(portal.routes)


def test_messages_reach_whom_they_are_sent_to() -> None:
    found = catalogue(AWS)
    receivers = {one.name for one in found if one.receives}
    assert receivers == {name for one in found for name in one.sends}
    assert "git_push" not in receivers


@pytest.mark.parametrize("deployment", ["aws", "gcp", "kubernetes"])
def test_the_subscriber_is_deployed_in_clusters_alone(deployment: str) -> None:
    assert "subscriber" not in {one.name for one in catalogue(DEPLOYMENTS[deployment])}


def test_whatever_makes_a_message_is_known() -> None:
    """The catalogue looks for calls by name; a message's own constructor has the function where it looks for it."""
    assert "function" == Message.__struct_fields__[1]
