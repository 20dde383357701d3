"""Headers are found by lower-case name in what any WSGI server gives."""

from __future__ import annotations

import pytest

from shared.edge.headers import Headers

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "CONTENT_TYPE": "application/json",
    "CONTENT_LENGTH": "",
    "HTTP_CONTENT_LENGTH": "7",
    "HTTP_X_TWO_WORDS": "V",
    "HTTP_EMPTY": "",
}


def test_the_names_are_those_that_were_sent() -> None:
    headers = Headers(ENVIRON)
    assert {"content-type": "application/json", "x-two-words": "V", "empty": ""} == dict(headers)
    assert 3 == len(headers)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("content-length", id="an empty one of the server's own"),
        pytest.param("x-other", id="not sent"),
        pytest.param("x_two_words", id="underscores"),
        pytest.param("X-Two-Words", id="upper case"),
        pytest.param("request-method", id="no header"),
    ],
)
def test_nothing_else_is_found(name: str) -> None:
    assert (None, False) == (Headers(ENVIRON).get(name), name in Headers(ENVIRON))
