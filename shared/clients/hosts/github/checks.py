"""Words on commits: statuses, and check runs with annotations at the lines."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from shared.clients.hosts.github.addresses import Address
from shared.clients.hosts.github.apps import App
from shared.clients.hosts.github.calls import Calls
from shared.model.hosting import Annotation, Check, CommitStatus, StatusState

_BATCH: Final = 50
"""Annotations that one call takes (REST, "Create a check run")."""

_DESCRIPTION, _TITLE, _SUMMARY, _MESSAGE = 140, 255, 65_535, 64_000
_CONCLUSIONS: Final[dict[StatusState, str]] = {"success": "success", "failure": "failure", "error": "failure"}


class _Output(msgspec.Struct, frozen=True):
    annotations_count: int = 0


class _Run(msgspec.Struct, frozen=True):
    id: int
    external_id: str | None = None
    output: _Output = _Output()


def set_status(calls: Calls, where: Address, commit: str, status: CommitStatus) -> None:
    """Set a context's status on a commit."""
    body = {
        "state": status.state,
        "context": status.context,
        "description": short(status.description, _DESCRIPTION),
        "target_url": status.url,
    }
    calls.tell("POST", f"{where.path}/statuses/{commit}", body)


def publish(calls: Calls, where: Address, commit: str, check: Check, app: App | None) -> None:
    """Write a check run in place of the one of this name: nothing is sent where it says the same already.

    GitHub adds annotations to those that are there and takes none away, so a run that has some is replaced by a new
    one, which then is the only one shown. Its digest is written last, so that a run left halfway is not mistaken.
    """
    digest = hashlib.sha256(msgspec.msgpack.encode(check)).hexdigest()
    found = _latest(calls, where, commit, check, app)
    if found is not None and found.external_id == digest:
        return
    parts = _batches(check.annotations)
    bodies = [_body(check, part) for part in parts]
    bodies[-1] |= {"external_id": digest, **_state(check.files or check.status.state)}
    number = None if found is None or found.output.annotations_count else found.id
    for body in bodies:
        number = _write(calls, where, commit, number, body)


def short(text: str, limit: int) -> str:
    """Return the text, cut to a number of characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _latest(calls: Calls, where: Address, commit: str, check: Check, app: App | None) -> _Run | None:
    ours = {"app_id": app.app_id} if app and str(app.app_id).isdigit() else {}
    path = f"{where.path}/commits/{commit}/check-runs"
    return next(calls.pages(path, _Run, "check_runs", check_name=check.status.context, filter="latest", **ours), None)


def _write(calls: Calls, where: Address, commit: str, number: int | None, body: dict[str, Any]) -> int:
    if number is not None:
        return calls.ask("PATCH", f"{where.path}/check-runs/{number}", _Run, body).id
    return calls.ask("POST", f"{where.path}/check-runs", _Run, {**body, "head_sha": commit}).id


def _batches(annotations: tuple[Annotation, ...]) -> list[tuple[Annotation, ...]]:
    return [annotations[start : start + _BATCH] for start in range(0, len(annotations), _BATCH)] or [()]


def _body(check: Check, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    output = {"title": short(check.title, _TITLE), "summary": short(check.summary, _SUMMARY)}
    noted = {"annotations": [_annotation(one) for one in annotations]} if annotations else {}
    leading = {"details_url": check.status.url} if check.status.url else {}
    return {"name": check.status.context, "status": "in_progress", "output": {**output, **noted}, **leading}


def _state(state: StatusState) -> dict[str, str]:
    if state == "pending":
        return {"status": "in_progress"}
    return {"status": "completed", "conclusion": _CONCLUSIONS[state]}


def _annotation(one: Annotation) -> dict[str, Any]:
    column = {} if one.column is None else {"start_column": one.column, "end_column": one.column}
    title = {"title": short(one.title, _TITLE)} if one.title else {}
    return {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": one.level,
        "message": short(one.message, _MESSAGE),
        **column,
        **title,
    }
