from __future__ import annotations

import traceback

import pytest

from shared.clients.postgresql.place import read_place
from shared.clients.postgresql.records import successor
from shared.errors import Misconfigured


def test_a_url_is_read_as_libpq_reads_it() -> None:
    place = read_place(
        "postgresql://ada:p%40ss@db.example.com:6432/chaos?sslmode=require&options=-c%20search_path%3Dours"
    )
    expected = {
        "user": "ada",
        "password": "p@ss",
        "host": "db.example.com",
        "port": "6432",
        "dbname": "chaos",
        "sslmode": "require",
        "options": "-c search_path=ours",
    }
    assert expected == {name: place.parameters[name] for name in expected}
    assert ("chaos at db.example.com", None) == (place.name, place.topics)


def test_what_the_url_says_counts_before_what_is_assumed() -> None:
    assert "5" == read_place("postgresql://db/chaos").parameters["connect_timeout"]
    assert "2" == read_place("postgresql://db/chaos?connect_timeout=2").parameters["connect_timeout"]


def test_the_topics_are_ours_and_are_not_told_to_libpq() -> None:
    place = read_place("postgresql://db/chaos?pubsub=projects/acme/topics/litmus&sslmode=require")
    assert "projects/acme/topics/litmus" == place.topics
    assert "pubsub" not in place.parameters
    assert "require" == place.parameters["sslmode"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://ada:secret@db:port/chaos", id="a-port-that-is-none"),
        pytest.param("postgresql://ada:secret@db/chaos?colour=secret", id="an-option-that-is-none"),
        pytest.param("postgresql://ada:secret@[db/chaos", id="a-host-that-is-none"),
        pytest.param("postgresql://ada:sec/secret@db/chaos", id="a-password-with-a-slash"),
        pytest.param("postgresql://ada:12/secret@db/chaos", id="a-password-with-digits-and-a-slash"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Misconfigured, match="STORE_URL cannot be read") as refused:
        read_place(url)
    assert "secret" not in "".join(traceback.format_exception(refused.value)).replace(url, "")


@pytest.mark.parametrize("topics", ["litmus", "projects/acme/topics/", "projects/acme/topics/1st", ""])
def test_topics_that_are_none_are_refused(topics: str) -> None:
    with pytest.raises(Misconfigured, match="names no topics: use projects/P/topics/PREFIX"):
        read_place(f"postgresql://db/chaos?pubsub={topics}")


def test_neither_a_place_nor_its_name_shows_the_password() -> None:
    place = read_place("postgresql://ada:secret@db/chaos")
    assert "secret" not in f"{place} {place.name}"


@pytest.mark.parametrize(
    ("prefix", "beyond"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("ab", "ac", id="the-last-character-grows"),
        pytest.param("a\U0010ffff", "b", id="the-last-there-is-gives-way"),
        pytest.param("\U0010ffff", None, id="nothing-is-beyond-the-last-there-is"),
        pytest.param("a\ud7ff", "a\ue000", id="no-surrogate"),
    ],
)
def test_what_is_beyond_a_prefix_is_found(prefix: str, beyond: str | None) -> None:
    assert beyond == successor(prefix)
