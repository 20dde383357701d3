"""Logs as one JSON object a line on stderr, with everything that looks like a secret taken out."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

SECRETS: Final = (
    (("whsec_",), re.compile(r"whsec_[\w+/=-]+"), "whsec_…"),
    (("bearer", "basic"), re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 …"),
    (
        ("/admission/", "/audit/"),
        re.compile(r"/(admission|audit)/([^/\s\"?\\]+)/[^/\s\"?\\]+"),
        r"/\1/\2/…",
    ),
    (
        ("token", "password"),
        re.compile(r"(?i)((?:token|password)\\*\"?\s*[=:]\s*\\*\"?)[\w.~+/=-]+"),
        r"\1…",
    ),
    (("gh", "glpat-"), re.compile(r"\b(gh[pousr]_|github_pat_|glpat-)[\w-]+"), r"\1…"),
    (("@",), re.compile(r"://[^/\s\"@\\]+@"), "://…@"),
)
"""What is taken out of a line, and what stands there instead; without one of its marks a pattern need not be tried."""

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
    """Return a record as JSON: its extra fields, then `time`, `severity`, `logger`, `message`, `exception`."""
    fields = {name: value for name, value in vars(record).items() if name not in _PLAIN}
    fields |= {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "severity": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
    }
    if record.exc_info:
        fields["exception"] = logging.Formatter().formatException(record.exc_info)
    return redacted(json.dumps(fields, default=str, skipkeys=True))
