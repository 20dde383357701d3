from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from infra.gcp.tokens import KEPT, SOONEST, Certificates, Tokens
from shared.clients.google import Google
from shared.errors import Unauthenticated, Unavailable
from tests.google import GoogleServer, claims, signing_key

AUDIENCE, ACCOUNT = "https://sync-1.europe-west1.run.app", "pubsub@acme.iam.gserviceaccount.com"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(google: GoogleServer, clock: Clock) -> Tokens:
    return Tokens(Certificates(Google(anonymous=True), f"{google.url}/certs", clock), AUDIENCE)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def unsigned(**other: Any) -> str:
    parts = [{"alg": "none", "typ": "JWT", "kid": "today"}, claims(AUDIENCE, ACCOUNT, **other)]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), ""])


def test_a_token_of_googles_for_us_is_accepted(tokens: Tokens) -> None:
    tokens.verify(bearer(signing_key("today").token(**claims(AUDIENCE, ACCOUNT))), ACCOUNT)


NOW = int(time.time())


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"aud": "https://another.run.app"}, id="another-audience"),
        pytest.param({"aud": [AUDIENCE]}, id="several-audiences"),
        pytest.param({"iss": "https://evil.example.com"}, id="another-issuer"),
        pytest.param({"iss": None}, id="no-issuer"),
        pytest.param({"email": "timer@acme.iam.gserviceaccount.com"}, id="another-account"),
        pytest.param({"email": None}, id="no-account"),
        pytest.param({"email": "pubsub@acme.iam.gserviceaccount.com\u00e9"}, id="an-account-that-is-no-ascii"),
        pytest.param({"email_verified": False}, id="an-account-that-is-not-verified"),
        pytest.param({"email_verified": "true"}, id="an-account-verified-in-words"),
        pytest.param({"iat": NOW - 7200, "exp": NOW - 3600}, id="expired"),
        pytest.param({"iat": NOW + 3600, "exp": NOW + 7200}, id="not-yet-valid"),
        pytest.param({"exp": None}, id="for-ever"),
    ],
)
def test_a_token_that_says_anything_else_is_refused(tokens: Tokens, said: dict[str, Any]) -> None:
    made = {name: value for name, value in claims(AUDIENCE, ACCOUNT, **said).items() if value is not None}
    token = signing_key("today").token(**made)
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(bearer(token), ACCOUNT)
    assert token not in str(refused.value)


def test_a_token_of_somebody_elses_key_under_googles_name_is_refused(tokens: Tokens) -> None:
    key = signing_key("forged")
    forged = type(key)("today", key.pem, key.certificate).token(**claims(AUDIENCE, ACCOUNT))
    with pytest.raises(Unauthenticated, match="must be signed by Google"):
        tokens.verify(bearer(forged), ACCOUNT)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="none"),
        pytest.param("Bearer ", id="empty"),
        pytest.param("Basic dXNlcjpwYXNz", id="another-scheme"),
        pytest.param("Bearer a.b.c", id="no-token"),
        pytest.param("Bearer é.é.é", id="no-ascii"),
        pytest.param(f"Bearer {'a' * 10_000}", id="too-long"),
        pytest.param(f"Bearer {unsigned()}", id="unsigned"),
        pytest.param("Bearer bnVsbA.bnVsbA.bnVsbA", id="null-for-a-header"),
    ],
)
def test_what_is_no_token_is_refused(tokens: Tokens, value: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.verify({"authorization": value}, ACCOUNT)


def test_certificates_are_asked_for_once_and_again_when_a_new_key_signs(
    google: GoogleServer, tokens: Tokens, clock: Clock
) -> None:
    for _ in range(3):
        tokens.verify(bearer(signing_key("today").token(**claims(AUDIENCE, ACCOUNT))), ACCOUNT)
    assert 1 == len(google.asked)
    google.keys.append(signing_key("tomorrow"))
    clock.now += SOONEST
    tokens.verify(bearer(signing_key("tomorrow").token(**claims(AUDIENCE, ACCOUNT))), ACCOUNT)
    assert 2 == len(google.asked)


def test_made_up_keys_do_not_make_us_ask_each_time(google: GoogleServer, tokens: Tokens) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            tokens.verify(bearer(signing_key("forged").token(**claims(AUDIENCE, ACCOUNT))), ACCOUNT)
    assert 1 == len(google.asked)


def test_a_key_that_google_withdrew_counts_for_an_hour_at_most(
    google: GoogleServer, tokens: Tokens, clock: Clock
) -> None:
    token = bearer(signing_key("today").token(**claims(AUDIENCE, ACCOUNT)))
    tokens.verify(token, ACCOUNT)
    google.keys[:] = [signing_key("tomorrow")]
    clock.now += KEPT
    with pytest.raises(Unauthenticated):
        tokens.verify(token, ACCOUNT)


def test_certificates_that_cannot_be_read_are_unavailability(google: GoogleServer, tokens: Tokens) -> None:
    google.status = 503
    with pytest.raises(Unavailable, match="certificates cannot be read now"):
        tokens.verify(bearer(signing_key("today").token(**claims(AUDIENCE, ACCOUNT))), ACCOUNT)
