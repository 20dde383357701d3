from __future__ import annotations

import io

import flask
import pytest
from werkzeug.test import EnvironBuilder

from shared.edge.bodies import DRAIN, PIECE, drop_rest, read_body
from shared.errors import BadInput, TooLarge


class Trickle(io.RawIOBase):
    """A sender that gives at most 1,000 bytes at a time, as often as it is asked."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        self.largest = max(self.largest, size)
        given = min(1000 if size < 0 else size, 1000, self.left)
        self.left -= given
        return b"x" * given


class Reset(io.RawIOBase):
    """A sender whose connection is gone."""

    asked = False

    def read(self, size: int = -1) -> bytes:
        self.asked = True
        raise ConnectionResetError(104, f"Connection reset with {size} bytes to go")


def _request(stream: io.RawIOBase, length: int | None = None) -> flask.Request:
    environ = EnvironBuilder(method="POST").get_environ() | {"wsgi.input": stream, "wsgi.input_terminated": True}
    return flask.Request(environ if length is None else environ | {"CONTENT_LENGTH": str(length)})


def test_a_body_that_trickles_in_is_read_whole() -> None:
    assert b"x" * 200_000 == read_body(_request(Trickle(200_000)), 200_000)


def test_a_body_over_the_limit_is_read_no_further_than_one_byte_beyond() -> None:
    sender = Trickle(10**12)
    with pytest.raises(TooLarge, match="5000 bytes"):
        read_body(_request(sender), 5000)
    assert 10**12 - 5001 == sender.left


def test_a_body_shorter_than_its_content_length_is_refused_where_the_server_does_not() -> None:
    with pytest.raises(BadInput, match="10 of 20 bytes"):
        read_body(_request(Trickle(10), 20), 100)


def test_a_connection_that_breaks_is_the_senders_fault() -> None:
    with pytest.raises(BadInput, match="broke off"):
        read_body(_request(Reset()), 100)


def test_what_is_dropped_is_bounded_in_length_and_in_memory() -> None:
    sender = Trickle(DRAIN + 10_000)
    drop_rest(_request(sender))
    assert (10_000, True) == (sender.left, sender.largest <= PIECE)


def test_dropping_from_a_broken_connection_harms_nobody() -> None:
    reset = Reset()
    drop_rest(_request(reset))
    assert reset.asked
