from __future__ import annotations

import json
import logging
import sys

import pytest

from shared.edge import logs

LOG = logging.getLogger("litmus_gitops.test")


def _record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    return LOG.makeRecord(LOG.name, logging.WARNING, __file__, 1, message, values, None, extra=extra)


def test_a_record_is_one_json_object_with_its_extra_fields() -> None:
    text = logs.line(_record("took\n%d ms", 3, route="/git/{project}", status=202))
    fields = json.loads(text)
    assert "\n" not in text
    assert "2" == fields.pop("time")[0]
    assert {
        "route": "/git/{project}",
        "status": 202,
        "severity": "WARNING",
        "logger": "litmus_gitops.test",
        "message": "took\n3 ms",
    } == fields


def test_an_exception_comes_whole_on_the_same_line() -> None:
    try:
        int("a\nb")
    except ValueError:
        record = LOG.makeRecord(LOG.name, logging.ERROR, __file__, 1, "x", (), sys.exc_info())
    text = logs.line(record)
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("with base 10: 'a\\nb'")


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": b"x"}, "\ud800", "\u2028"])
def test_whatever_an_extra_field_holds_the_line_is_json(value: object) -> None:
    text = logs.line(_record("x", field=value))
    assert "field" in json.loads(text)
    assert 1 == len(text.splitlines())


SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"  # gitleaks:allow


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"the key whsec_{SECRET}+/== is wrong", "the key whsec_… is wrong", id="signing-secret"),
        pytest.param(f"Authorization: Bearer {SECRET}", "Authorization: Bearer …", id="bearer"),
        pytest.param(f"authorization: basic {SECRET}==", "authorization: basic …", id="basic"),
        pytest.param(f'"POST /admission/prod/{SECRET}?timeout=10s HTTP/1.1" 200', None, id="admission-path"),
        pytest.param(f"https://gitops.example.com/audit/prod/{SECRET}", None, id="audit-url"),
        pytest.param(f"X-Gitlab-Token: {SECRET}", "X-Gitlab-Token: …", id="gitlab-token"),
        pytest.param(f"?token={SECRET}&x=1", "?token=…&x=1", id="query"),
        pytest.param(f'{{"admin_token": "{SECRET}"}}', '{"admin_token": "…"}', id="field"),
        pytest.param(f"https://bot:{SECRET}@git.example.com/shop", "https://…@git.example.com/shop", id="url-login"),
        pytest.param(f"ghp_{SECRET} glpat-{SECRET}", "ghp_… glpat-…", id="hosts-tokens"),
    ],
)
def test_secrets_are_taken_out_wherever_they_stand(text: str, shown: str | None) -> None:
    assert SECRET not in logs.redacted(text)
    assert shown in {None, logs.redacted(text)}
    shown_as = (text, {"deep": [text]}, text.encode(), {"deep": text.encode()})
    for record in (_record("%s", text), *(_record("x", where=one) for one in shown_as)):
        assert SECRET not in logs.line(record)
        json.loads(logs.line(record))


@pytest.mark.parametrize(
    "text",
    [
        "/admission/{cluster}/{token}",
        "the field token is missing",
        "refs/heads/main moved to 0123456789abcdef0123456789abcdef01234567",
        "file:webhook cannot be read",
        "https://git.example.com/shop.git",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert text.replace("{token}", "…") == logs.redacted(text)


def test_configuring_again_adds_no_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.configure("DEBUG")
    LOG.info("once")
    LOG.debug("never")
    logging.getLogger("a.stranger").info("never")
    logging.getLogger("a.stranger").warning("heard")
    lines = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert ["once", "heard"] == [line["message"] for line in lines]


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text in me")


def test_a_record_that_cannot_be_written_does_not_fail_its_caller(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    LOG.warning("x", extra={"field": Broken()})
    assert "no text in me" in capsys.readouterr().err


def test_of_a_clean_record_nothing_is_taken_out_and_its_mark_is_not_shown() -> None:
    fields = json.loads(logs.line(_record("answered", route="/admission/{cluster}/{token}", **{logs.CLEAN: True})))
    assert ("/admission/{cluster}/{token}", False) == (fields["route"], logs.CLEAN in fields)


@pytest.mark.parametrize("text", ["ä", "\u2028", "\U0001f600"])
def test_a_line_is_ascii(text: str) -> None:
    assert logs.line(_record("x", field=text)).isascii()
