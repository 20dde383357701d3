"""Where this process logs: stderr, one line a record, as JSON unless a person is watching."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.errors import Misconfigured

_FIELDS: Final = ("method", "route", "status", "ms")
"""What the edge adds to its line about each request."""


def write_logs() -> None:
    """Log to stderr from LOG_LEVEL on (`info` unless set)."""
    level = os.environ.get("LOG_LEVEL", "info").upper()
    if level not in logging.getLevelNamesMapping():
        raise Misconfigured(f"LOG_LEVEL={level!r} is no level: use debug, info, warning or error")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with its time (RFC 3339 UTC), level, logger and text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"at": at, "level": record.levelname, "logger": record.name}
        line |= {"message": record.getMessage()} | _fields(record)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class PlainLines(logging.Formatter):
    """Time, text and fields, for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line with the request's fields at its end."""
        return " ".join((super().formatMessage(record), *(str(value) for value in _fields(record).values())))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: vars(record)[name] for name in _FIELDS if name in vars(record)}
