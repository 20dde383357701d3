from __future__ import annotations

import pytest

from shared.model.calls import Answer
from shared.wire.subscribers import TAKEN, refusal


@pytest.mark.parametrize("status", [200, 202])
def test_a_taken_order_is_not_refused(status: int) -> None:
    assert status in TAKEN
    assert refusal(Answer(status, b"{}")) is None


@pytest.mark.parametrize("status", [204, 302, 404, 408, 429, 500, 503])
def test_any_other_answer_is_none(status: int) -> None:
    assert status not in TAKEN
    assert refusal(Answer(status, b"")) is None


@pytest.mark.parametrize(
    ("status", "rule", "words"),
    [
        (400, "subscriber", "could not read it"),
        (401, "subscriber", "holds another secret"),
        (409, "subscriber", "refused it"),
        (410, "expiry", "found it too old"),
        (413, "subscriber", "found it too large"),
    ],
)
def test_what_ends_an_order_says_by_which_rule(status: int, rule: str, words: str) -> None:
    refused = refusal(Answer(status, b'{"detail": "for this"}'))
    assert refused is not None
    assert rule == refused[0]
    assert words in refused[1]
    assert refused[1].endswith(": for this")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"reason": "because"}', "because"),
        (b'{"message": "no"}', "no"),
        (b'{"detail": null}', "no reason given"),
        (b"[1, 2]", "[1, 2]"),
        (b"<h1>\n gone </h1>", "<h1> gone </h1>"),
        (b"\xff" * 2_000, "\N{REPLACEMENT CHARACTER}" * 300),
        (b"[" * 5_000, "[" * 300),
        (b"", "no reason given"),
        (None, "no reason given"),
    ],
)
def test_the_reason_is_the_answer_s_own_whatever_it_is(body: bytes | None, reason: str) -> None:
    refused = refusal(Answer(409, body))
    assert ("subscriber", f"its subscriber refused it: {reason}") == refused
