"""Standard Webhooks beside their reference implementation: what one side signs the other takes, and nothing else."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.errors import Unauthenticated
from shared.wire import git_hook, standard_webhooks
from shared.wire.pushes import Secret

MARGIN = 5
"""Seconds between the moments at which the two look at the clock, many times over."""

KEYS = st.binary(min_size=1, max_size=64)
BODIES = st.text(max_size=200)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
AGES = st.integers(-900, 900).filter(lambda age: abs(abs(age) - standard_webhooks.TOLERANCE) > MARGIN)


def _secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def _signed_by_reference(key: bytes, message: str, at: int, body: str) -> dict[str, str]:
    signature = Webhook(_secret(key)).sign(message, datetime.fromtimestamp(at, UTC), body)
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature}


def _taken_by_reference(key: bytes, headers: Mapping[str, str], body: str) -> bool:
    try:
        Webhook(_secret(key)).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _taken_by_us(keys: Sequence[bytes], headers: Mapping[str, str], body: str) -> bool:
    try:
        standard_webhooks.verify(keys, headers, body.encode(), time.time())
    except Unauthenticated:
        return False
    return True


@given(KEYS, IDS, BODIES, st.integers(0, 4_000_000_000))
def test_both_make_the_same_signature(key: bytes, message: str, body: str, at: int) -> None:
    ours = standard_webhooks.sign(standard_webhooks.key_of(_secret(key)), message, at, body.encode())
    assert _signed_by_reference(key, message, at, body) == ours


@given(KEYS, IDS, BODIES, AGES)
def test_both_take_and_refuse_the_same_ages(key: bytes, message: str, body: str, age: int) -> None:
    at = int(time.time()) - age
    theirs = _signed_by_reference(key, message, at, body)
    ours = standard_webhooks.sign(key, message, at, body.encode())
    due = abs(age) < standard_webhooks.TOLERANCE
    assert (due, due) == (_taken_by_us([key], theirs, body), _taken_by_reference(key, ours, body))


@given(st.lists(KEYS, min_size=2, max_size=5, unique=True), st.data(), IDS, BODIES)
def test_a_sender_that_rotates_signs_with_several_keys_and_one_that_we_hold_is_enough(
    keys: list[bytes], data: st.DataObject, message: str, body: str
) -> None:
    at = int(time.time())
    signing = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    holding = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    signatures = [_signed_by_reference(key, message, at, body)["webhook-signature"] for key in signing]
    headers = {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}
    due = any(_taken_by_reference(key, headers, body) for key in holding)
    assert (bool(set(signing) & set(holding)), due) == (due, _taken_by_us(holding, headers, body))


@given(st.lists(KEYS, min_size=1, max_size=5, unique=True), IDS, BODIES)
def test_a_receiver_with_any_one_of_our_keys_takes_what_we_sign_with_all(
    keys: list[bytes], message: str, body: str
) -> None:
    headers = standard_webhooks.sign(keys[0], message, int(time.time()), body.encode(), keys[1:])
    assert [True] * len(keys) == [_taken_by_reference(key, headers, body) for key in keys]
    assert not _taken_by_reference(b"none of these" + keys[0], headers, body)


@given(st.lists(KEYS, min_size=1, max_size=5, unique=True), st.data(), IDS, BODIES)
def test_the_key_that_signed_is_told_by_its_place(
    keys: list[bytes], data: st.DataObject, message: str, body: str
) -> None:
    place = data.draw(st.integers(0, len(keys) - 1))
    headers = _signed_by_reference(keys[place], message, int(time.time()), body)
    assert (message, place) == standard_webhooks.verify_by(keys, headers, body.encode(), time.time())


@given(st.lists(KEYS, min_size=1, max_size=4, unique=True), st.data(), IDS, BODIES)
def test_the_secret_that_signed_is_the_one_that_is_named(
    keys: list[bytes], data: st.DataObject, message: str, body: str
) -> None:
    number = data.draw(st.integers(0, len(keys) - 1))
    secrets = [Secret(f"file:{position}", _secret(key)) for position, key in enumerate(keys)]
    headers = _signed_by_reference(keys[number], message, int(time.time()), body)
    assert secrets[number] == git_hook.verify(headers, body.encode(), secrets, time.time())


@given(KEYS, IDS, BODIES, st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "body"]), st.data())
def test_both_refuse_the_same_alterations(key: bytes, message: str, body: str, part: str, data: st.DataObject) -> None:
    headers = _signed_by_reference(key, message, int(time.time()), body)
    other = data.draw(BODIES if part == "body" else IDS)
    altered = headers if part == "body" else headers | {part: other}
    text = other if part == "body" else body
    assert _taken_by_reference(key, altered, text) == _taken_by_us([key], altered, text)
