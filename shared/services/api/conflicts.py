"""Conflicts: edits that overlap with what git holds, with all sides, and how a person settles one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.model.calls import Answer, Call
from shared.model.experiments import Edit
from shared.services.api.desk import Desk, enabled
from shared.services.api.experiments import author, show
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, after_of, limit_of, page
from shared.services.conflicts import Conflicts, Side
from shared.services.merging import merge
from shared.services.sending import Saved
from shared.wire.traces import continued


@dataclass(frozen=True, slots=True)
class ConflictDesk:
    """What a person sees of conflicts, and decides."""

    desk: Desk
    conflicts: Conflicts

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        base = "/projects/{project}/conflicts"
        one = f"{base}/{{conflict}}"
        settle = "Settle a conflict; what is taken becomes a commit"
        return [
            Operation("GET", base, "List conflicts", self.browse, query=QUERY),
            Operation("GET", one, "Show a conflict with all its sides", self.show),
            Operation("POST", f"{one}/settle", settle, self.settle, "SettleBody", headers=("X-Editor",)),
        ]

    def browse(self, call: Call) -> Answer:
        """List conflicts, oldest first, without their texts."""
        limit, after = limit_of(call), after_of(call) or ""
        found = [edit for edit in self.conflicts.of(self.desk.project(call).value.id) if edit.id > after]
        return page(found, limit, lambda edit: edit.id, row)

    def show(self, call: Call) -> Answer:
        """Show base, git's side and the portal's, and which fields overlap."""
        edit = self.conflicts.find(self.desk.project(call).value.id, call.params["conflict"])
        sides = self.conflicts.sides(edit)
        texts = [side.text if side else None for side in (sides.base, sides.git, sides.portal)]
        named = {"base": _side(sides.base), "git": _side(sides.git), "portal": _side(sides.portal)}
        return Answer(200, row(edit) | named | {"overlaps": _overlaps(*texts)})

    def settle(self, call: Call) -> Answer:
        """Take one side, or a text that a person merged: 200 once git has it, 202 while it waits, 409 if git moved."""
        project, name = self.desk.project(call).value, call.params["conflict"]
        enabled(project)
        body = parse("SettleBody", call)
        text = None if body.text is None else body.text.encode()
        editor = author(call) if call.headers.get("x-editor") else None
        saved = self.conflicts.settle(project.id, name, body.take, text, editor, continued(call.headers))
        return Answer(
            202 if saved and saved.commit is None else 200, {"id": name, "take": body.take, **_outcome(saved)}
        )


def row(edit: Edit) -> dict[str, Any]:
    """Return a conflict as lists show it: `reason` in words; `moves` is the path that the file was to leave."""
    named = {"id": edit.id, "experiment": edit.experiment, "path": edit.path, "moves": edit.moves}
    return named | {"author": edit.author, "at": edit.at, "removes": edit.text is None, "reason": edit.problem}


def _side(side: Side | None) -> dict[str, Any] | None:
    return (
        None
        if side is None
        else {"blob": side.blob, "text": None if side.text is None else side.text.decode(errors="replace")}
    )


def _overlaps(base: bytes | None, git: bytes | None, portal: bytes | None) -> list[str]:
    return [] if base is None or git is None or portal is None else list(merge(base, git, portal).paths)


def _outcome(saved: Saved | None) -> dict[str, Any]:
    if saved is None:
        return {"experiment": None, "commit": None, "merged": False, "pull": None}
    how = {"commit": saved.commit, "merged": saved.merged, "pull": saved.pull}
    return {"experiment": show(saved.experiment), **how}
