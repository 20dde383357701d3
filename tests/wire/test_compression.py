from __future__ import annotations

import gzip

import pytest

from shared.errors import BadInput, TooLarge, WrongMediaType
from shared.wire.compression import expanded, plain


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_plain_body_is_left_as_it_is(encoding: str) -> None:
    assert expanded(b"{}", encoding, 1) == b"{}"


def test_a_gzipped_body_is_expanded() -> None:
    assert expanded(gzip.compress(b"{}" * 500), "gzip", 1000) == b"{}" * 500


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, b"{}", id="no header"),
        pytest.param({"content-encoding": "GZIP"}, gzip.compress(b"{}"), id="in capitals"),
    ],
)
def test_a_request_says_how_its_body_was_encoded(headers: dict[str, str], body: bytes) -> None:
    assert plain(headers, body, 1000) == b"{}"


def test_a_body_that_expands_beyond_the_limit_is_never_held_whole() -> None:
    with pytest.raises(TooLarge, match="over the limit of 1000 bytes"):
        expanded(gzip.compress(b"0" * 50_000_000), "gzip", 1000)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b"{}", "the body is not", id="not gzip"),
        pytest.param(b"", "ends too early", id="empty"),
        pytest.param(gzip.compress(b"{}" * 500)[:-9], "ends too early", id="cut off"),
    ],
)
def test_broken_gzip_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        expanded(body, "gzip", 1000)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(WrongMediaType, match="Content-Encoding is 'br': send gzip"):
        expanded(b"", "br", 1)
