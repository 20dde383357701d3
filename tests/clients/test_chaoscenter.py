"""One request to a ChaosCenter, over real HTTP."""

from __future__ import annotations

import pytest

from shared.clients.chaoscenter import HttpChaosCenters
from shared.errors import Forbidden, Unavailable
from shared.wire import chaoscenter, chaoscenter_answers
from tests.chaoscenter import TOKEN, ChaosCenterStand

TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"
ASK = chaoscenter.ask_infrastructure("cc-shop", "infra-1")


def test_a_question_is_answered_under_the_token() -> None:
    with ChaosCenterStand().open() as stand:
        answer = HttpChaosCenters(allow_local=True)(stand.url, TOKEN, ASK, TRACE)
    assert (True, [TRACE]) == (chaoscenter_answers.read_infrastructure(answer).active, stand.traces)


def test_a_token_that_is_repeated_in_the_answer_is_taken_out() -> None:
    with ChaosCenterStand().open() as stand:
        answer = HttpChaosCenters(allow_local=True)(stand.url, "wrong-secret", ASK, TRACE)
    with pytest.raises(Forbidden, match=r"permission_denied: Bearer \(token\)") as caught:
        chaoscenter_answers.read_infrastructure(answer)
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("fault", ["slow", "drop"])
def test_no_answer_in_time_is_no_answer(fault: str) -> None:
    with ChaosCenterStand().open() as stand:
        stand.faults = [("getInfra", fault)]
        with pytest.raises(Unavailable, match="the ChaosCenter does not answer"):
            HttpChaosCenters(allow_local=True, read=0.2)(stand.url, TOKEN, ASK, TRACE)


def test_a_local_address_is_refused_before_anything_is_sent() -> None:
    with ChaosCenterStand().open() as stand:
        with pytest.raises(Forbidden, match="which is refused"):
            HttpChaosCenters(allow_local=False)(stand.url, TOKEN, ASK, TRACE)
        assert [] == stand.asked
