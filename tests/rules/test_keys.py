from __future__ import annotations

import re

import pytest

from shared.rules import keys

MASTER = bytes(range(32))


def test_a_key_is_the_same_at_each_derivation() -> None:
    assert keys.derive(MASTER, "a", "b").hex() == keys.derive(MASTER, "a", "b").hex()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("admission", "c1", 1), ("admission", "c1", 2), id="version"),
        pytest.param(("admission", "c1", 1), ("audit", "c1", 1), id="purpose"),
        pytest.param(("admission", "c1", 1), ("admission", "c2", 1), id="cluster"),
    ],
)
def test_purpose_cluster_and_version_each_make_another_token(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    assert keys.token(MASTER, *one) != keys.token(MASTER, *other)


def test_a_token_needs_no_escaping_in_a_url() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", keys.token(MASTER, "admission", "c1", 1))


def test_the_subscribers_key_is_shown_as_standard_webhooks_writes_it() -> None:
    assert keys.shown(keys.subscriber_key(MASTER, "c1", 1)).startswith("whsec_")


def test_the_internal_key_is_no_clusters_key() -> None:
    assert keys.internal_key(MASTER) != keys.subscriber_key(MASTER, "1", 1)


@pytest.mark.parametrize(("one", "other", "expected"), [("a", "a", True), ("a", "b", False), ("ä", "a", False)])
def test_secrets_are_compared_whole(one: str, other: str, expected: bool) -> None:
    assert expected is keys.same(one, other)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("new", 0, id="the newest"),
        pytest.param("old", 1, id="a former one"),
        pytest.param("ol", None, id="a part of one"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_secret_that_was_given_is_told_by_its_place(given: str, expected: int | None) -> None:
    assert expected == keys.matching(["new", "old"], given)
