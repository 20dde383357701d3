"""YAML from strangers: any bytes give values with places or a problem, in bounded time and memory, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import Event

from shared.model.experiments import Problem
from shared.wire.building import Builder
from shared.wire.documents import Document, Flaw, Place

MAX_BYTES: Final = 256 * 1024
"""The largest file that is read; nothing of a larger one is."""

Loader: TypeAlias = Callable[[str], Any]
FASTEST: Final[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BREAKS: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB: Final = "a tab indents this line; indent with spaces"
_MISALIGNED: Final = "the indentation of this line does not fit the lines above it; align it"
_REASONS: Final = (
    ("tab character", _TAB),
    ("mapping values are not allowed", "a colon where none may stand; put the text in quotes, or align this line"),
    ("cannot start any token", "no value begins with this character; put the text in quotes"),
    ("end of stream", "the quote that begins here is never closed; close it"),
    ("expected ':'", "a line without a colon among keys; write it as key: value"),
    ("expected ','", "the bracket that begins here goes on to something else; put a comma or close it"),
    ("node content", "a value is missing here, or a bracket above is never closed; write or close it"),
    ("expected key", _MISALIGNED),
    ("expected '-'", _MISALIGNED),
    ("expected <block end>", _MISALIGNED),
    ("", "this is not YAML; check this line and the ones above it"),
)


def read_yaml(data: bytes, loader: Loader = FASTEST) -> Document | Problem:
    """Return the one document of a file, or what is wrong with it; empty documents beside it do not count."""
    documents = read_documents(data, loader)
    if isinstance(documents, Problem):
        return documents
    if not documents:
        return Problem("the file is empty; write a manifest or delete the file", 1, 1)
    if len(documents) > 1:
        return Problem("a second document begins here; keep one manifest in a file", *documents[1].place)
    return documents[0]


def read_documents(data: bytes, loader: Loader = FASTEST) -> list[Document] | Problem:
    """Return all documents that are not empty, or what is wrong with the first broken one."""
    try:
        text = decoded(data)
        return list(_documents(text, loader))
    except Flaw as flaw:
        return flaw.problem


def _documents(text: str, loader: Loader) -> Iterator[Document]:
    builder = Builder()
    for event in events(text, loader):
        document = builder.take(event)
        if document:
            yield document


def events(text: str, loader: Loader = FASTEST) -> Iterator[Event]:
    """Yield the events of a stream; raises `Flaw` at the first place that is not YAML."""
    try:
        parser = loader(text)
        while parser.check_event():
            yield parser.get_event()
    except yaml.MarkedYAMLError as error:
        raise Flaw(_syntax(text, error)) from error
    except (ValueError, OverflowError) as error:
        raise Flaw(Problem(f"an escape stands for no character; correct it ({error})", 1, 1)) from error


def decoded(data: bytes) -> str:
    """Return a file's text without its byte order mark; raises `Flaw` for what YAML cannot hold."""
    if len(data) > MAX_BYTES:
        raise Flaw(Problem(f"the file is over the limit of {MAX_BYTES} bytes (256 KiB); split it", 1, 1))
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = _after(data[: error.start].decode())
        raise Flaw(Problem(f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8", *place)) from error
    found = _UNPRINTABLE.search(text)
    if found:
        code, place = f"U+{ord(found[0]):04X}", _after(text[: found.start()])
        raise Flaw(Problem(f"the control character {code} is not allowed in YAML; delete it", *place))
    return text


def _after(text: str) -> Place:
    lines = _BREAKS.split(text)
    return len(lines), len(lines[-1]) + 1


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _syntax(text: str, error: yaml.MarkedYAMLError) -> Problem:
    lines, said = _BREAKS.split(text), str(error.problem)
    mark = error.problem_mark
    if error.context_mark and (mark is None or mark.line >= len(lines) or "end of stream" in said):
        mark = error.context_mark
    line, column = _place(mark)
    written = lines[min(line, len(lines)) - 1]
    indent = written[: len(written) - len(written.lstrip())]
    reason = _TAB if "\t" in indent else next(reason for needle, reason in _REASONS if needle in said)
    return Problem(f"{reason} ({said})", line, column)
