"""No secret of any kind that passes through our hands is readable in a line, however it got there."""

from __future__ import annotations

import base64
import json
import logging
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.edge import logs

LOG = logging.getLogger("litmus_gitops.test")
RAW = st.binary(min_size=24, max_size=48)
TOKEN = RAW.map(lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
BASE64 = RAW.map(lambda raw: base64.b64encode(raw).decode())
UPPER = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=16)
PASSWORD = st.text(
    st.characters(codec="ascii", categories=("L", "N", "P", "S"), exclude_characters="\"'&"), min_size=10
)
ANYTHING = st.text(min_size=10).map(lambda text: f"{text}#{text[::-1]}").filter(lambda text: text == text.strip())
CLASSIC = st.sampled_from(("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glptt-", "glrt-"))
NAMED = st.sampled_from(
    (
        "admin_token",
        "X-Gitlab-Token",
        "password",
        "SecretAccessKey",
        "aws_secret_access_key",
        "access_key",
        "credential",
    )
)
Leak = tuple[str, str]
"""A secret, and a text that it stands in."""


def _pem(secret: str) -> str:
    return f"cannot load -----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY----- as a key"


LEAKS: st.SearchStrategy[Leak] = st.one_of(
    BASE64.map(lambda s: (s, f"the key whsec_{s} is wrong")),
    st.tuples(CLASSIC, TOKEN).map(lambda one: (one[1], f"git says: {one[0]}{one[1]} has no access")),
    TOKEN.map(lambda s: (s, f"Authorization: Bearer {s}")),
    BASE64.map(lambda s: (s, f"{{'authorization': 'Basic {s}'}}")),
    st.tuples(TOKEN, TOKEN).map(lambda one: (one[1], f"JWT eyJ{one[0]}.{one[0]}.{one[1]} expired")),
    st.tuples(st.sampled_from(("admission", "audit")), TOKEN).map(
        lambda one: (one[1], f'"POST /{one[0]}/prod/{one[1]}?timeout=2s HTTP/1.1" 200')
    ),
    TOKEN.map(lambda s: (s, f"https://x.example.com/go?to=https%3A%2F%2Fp.example.com%2Faudit%2Fprod%2F{s}")),
    PASSWORD.map(lambda s: (s, f"cannot clone https://bot:{s}@git.example.com/shop.git")),
    PASSWORD.map(
        lambda s: (quote(s, safe=""), f"postgresql://app:{quote(s, safe='')}@db.example.com/shop?sslmode=require")
    ),
    PASSWORD.map(lambda s: (s, f"connection failed: host=db password={s} dbname=shop")),
    UPPER.map(lambda s: (s, f"InvalidClientTokenId: AKIA{s} is unknown")),
    BASE64.map(lambda s: (s, f"aws_secret_access_key = {s}")),
    BASE64.map(lambda s: (s, f"X-Amz-Security-Token={s}&X-Amz-Expires=60")),
    TOKEN.map(lambda s: (s, f"https://s3.example.com/b?X-Amz-Signature={s}")),
    BASE64.map(lambda s: (s, _pem(s))),
    st.tuples(NAMED, PASSWORD).map(lambda one: (one[1], f"{one[0]}: {one[1]}")),
    st.tuples(NAMED, ANYTHING).map(lambda one: (one[1], json.dumps({"id": 1, one[0]: one[1], "x": [None]}))),
    st.tuples(NAMED, ANYTHING).map(lambda one: (one[1], json.dumps(json.dumps({one[0]: one[1], "x": 2})))),
    st.tuples(NAMED, PASSWORD).map(lambda one: (one[1], repr({one[0]: one[1], "x": 2}))),
    st.tuples(NAMED, PASSWORD).map(lambda one: (one[1], repr({one[0]: one[1].encode(), "x": 2}))),
)


def _raised(text: str) -> logging.LogRecord:
    info: Any = None
    try:
        int(f"{text}x")
    except ValueError:
        info = sys.exc_info()
    return LOG.makeRecord(LOG.name, logging.ERROR, __file__, 1, "broke", (), info)


def _record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    return LOG.makeRecord(LOG.name, logging.WARNING, __file__, 1, message, values, None, extra=extra)


PLACES: dict[str, Callable[[str], logging.LogRecord]] = {
    "message": lambda text: _record("failed: %s", text),
    "field": lambda text: _record("failed", detail=text),
    "nested": lambda text: _record("failed", detail={"tried": [text, 1]}),
    "object": lambda text: _record("failed", detail=ValueError(text)),
    "exception": _raised,
    "quoted": lambda text: _record("it said %s", json.dumps({"log": f"first line\n{text}"})),
}


def _texts(value: Any) -> str:
    """Return all that a reader of the line sees, with what is JSON in it read as well, two levels deep."""
    told = json.dumps(value, ensure_ascii=False)
    return "\n".join((told, told.replace("\\\\", "\\"), told.encode().decode("unicode_escape", "replace")))


@given(LEAKS, st.sampled_from(sorted(PLACES)))
def test_a_secret_is_never_in_a_line_which_stays_json(leak: Leak, place: str) -> None:
    secret, text = leak
    line = logs.line(PLACES[place](text))
    assume(secret not in logs.line(PLACES[place](text.replace(secret, ""))))
    assert secret not in line
    assert secret not in _texts(json.loads(line))
    assert json.dumps(secret)[1:-1] not in line


@given(NAMED, ANYTHING)
def test_a_field_that_is_called_a_secret_is_not_shown(name: str, secret: str) -> None:
    line = logs.line(_record("failed", headers={name: secret, "accept": "*/*"}, ok=True))
    assert ({name: "…", "accept": "*/*"}, True) == ((fields := json.loads(line))["headers"], fields["ok"])


@given(st.sampled_from(("env:LITMUS_GITOPS_SECRET_A", "file:hook", "aws-sm:shop/hook", "gcp-sm:projects/p/secrets/s")))
def test_a_reference_to_a_secret_is_shown(reference: str) -> None:
    line = logs.line(_record(f"the secret {reference} is missing, credential: {reference}", credential=reference))
    assert 3 == line.count(reference)


@given(NAMED, st.one_of(st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False)))
def test_a_number_under_such_a_name_leaves_the_line_json(name: str, value: object) -> None:
    assert {name: value} == json.loads(logs.line(_record("x", detail={name: value})))["detail"]
