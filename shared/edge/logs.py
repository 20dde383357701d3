"""Logs as one JSON object a line on stderr, with everything that looks like a secret taken out."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.model.traces import ID, TRACE

_NAMES: Final = ("token", "password", "passwd", "secret", "accesskey", "access_key", "credential", "signature")
_NAME: Final = rf"(?i:{'|'.join(_NAMES)})\w*"
_REFERS: Final = re.compile(r"(?:env|file|aws-sm|gcp-sm):[\w./-]+\Z")
_REFERENCE: Final = r"(?!(?:env|file|aws-sm|gcp-sm):)"
"""A reference says where a secret is, and may be shown."""

_START: Final = r"(?:(?<!\w)|(?<=\\[nrt]))"
"""Where a word begins, also behind an escaped line end."""

SECRETS: Final = (
    (("whsec_",), re.compile(r"whsec_[\w+/=-]+"), "whsec_…"),
    (("bearer", "basic"), re.compile(rf"(?i){_START}(bearer|basic)\s+[\w.~+/=-]+"), r"\1 …"),
    (
        ("admission", "audit"),
        re.compile(r"(/|%2[Ff])(admission|audit)\1([^/%\s\"?\\]+)\1[^/%\s\"?\\]+"),
        r"\1\2\1\3\1…",
    ),
    (("gh", "github_pat", "gl"), re.compile(rf"{_START}(gh[pousr]_|github_pat_|gl[a-z]{{2,6}}-)[\w.-]+"), r"\1…"),
    (("akia", "asia"), re.compile(rf"{_START}(AKIA|ASIA)[0-9A-Z]{{12,}}"), r"\1…"),
    (("eyj",), re.compile(rf"{_START}eyJ[\w-]+\.[\w-]+\.[\w-]*"), "eyJ…"),
    (
        ("private key",),
        re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|\Z)", re.DOTALL),
        r"\1…\2",
    ),
    (
        _NAMES,
        re.compile(rf"({_NAME}(\\*)([\"'])\s*[=:]\s*b?\2\3){_REFERENCE}.+?((?<!\\)\2\3|\Z)", re.DOTALL),
        r"\1…\4",
    ),
    (_NAMES, re.compile(rf"({_NAME}\s*[=:]\s*){_REFERENCE}[^\s&\"'][^\s&\"]*"), r"\1…"),
    (("@",), re.compile(r"://[^\s\"]+@"), "://…@"),
)
"""What is taken out of a text, and what stands there instead; without one of its marks a pattern need not be tried."""

CLEAN: Final = "ours_alone"
"""The extra field of a record of numbers and ASCII words of ours: nothing needs to be taken out of it."""

_encode: Final = msgspec.json.Encoder().encode
_MARKS: Final = frozenset(mark for marks, _, _ in SECRETS for mark in marks)
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(level: str = "INFO") -> None:
    """Log `litmus_gitops` from `level` up, and warnings of everyone else; only the first call counts."""
    root = logging.getLogger()
    if not any(isinstance(handler, Lines) for handler in root.handlers):
        root.addHandler(Lines())
        logging.getLogger("litmus_gitops").setLevel(level)


def redacted(text: str) -> str:
    """Return a text without the secrets in it."""
    lowered = text.lower()
    for marks, pattern, instead in SECRETS:
        if any(mark in lowered for mark in marks):
            text = pattern.sub(instead, text)
    return text


class Lines(logging.Handler):
    """Writes each record to the stderr of the moment, in one write."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; what goes wrong meanwhile is shown by `logging` itself and stops nobody."""
        try:
            sys.stderr.write(line(record) + "\n")
        except Exception:  # noqa: BLE001 - logging's own convention: a record that fails must not fail its caller
            self.handleError(record)


def line(record: logging.LogRecord) -> str:
    """Return a record as JSON: its extra fields, `message`, `exception`, `time`, `severity`, `logger` and `trace`.

    `trace` is the trace id of the request that is being answered.
    """
    fields = {name: value for name, value in vars(record).items() if name not in _PLAIN}
    fields["message"] = record.getMessage()
    if record.exc_info:
        fields["exception"] = logging.Formatter().formatException(record.exc_info)
    ours = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "severity": record.levelname,
        "logger": record.name,
    }
    if trace := TRACE.get()[ID]:
        ours["trace"] = trace
    if fields.pop(CLEAN, False):
        return _encode(fields | ours).decode("ascii")
    text = _dumped(fields | ours)
    lowered = text.lower()
    if any(mark in lowered for mark in _MARKS):
        return _dumped({name: _under(name, value) for name, value in fields.items()} | ours)
    return text


def _dumped(fields: object) -> str:
    return json.dumps(fields, default=str, skipkeys=True)


def _cleaned(value: object) -> object:
    """Return a field without secrets: by what its text looks like, and by the name that it stands under."""
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return {redacted(str(name)): _under(str(name), part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned(part) for part in value]
    return redacted(str(value))


def _under(name: str, value: object) -> object:
    """Return a value without secrets; of what is called one, only a reference is shown."""
    lowered = name.lower().replace("-", "_")
    if isinstance(value, (str, bytes)) and any(one in lowered for one in _NAMES):
        return value if isinstance(value, str) and _REFERS.match(value) else "…"
    return _cleaned(value)
