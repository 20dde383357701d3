"""Edits that overlap with what git holds: kept with all three sides until a person settles them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from shared.errors import BadInput, Conflict, NotFound
from shared.model.experiments import Edit
from shared.ports.state import Store
from shared.rules.edits import blob_id
from shared.services.edits import Edits, check_label, manifest_of
from shared.services.portal_records import open_edits
from shared.services.sending import Saved
from shared.services.tables import BLOBS, EDITS, Versioned

Take = Literal["git", "portal", "merged"]


class Side(msgspec.Struct, frozen=True):
    """One side of a conflict: a blob, and its text where that is kept (it is not where it is over 256 KiB)."""

    blob: str
    text: bytes | None


class Sides(msgspec.Struct, frozen=True):
    """What the author saw, what git held by then, and what the author wanted; None where there is no file."""

    base: Side | None
    git: Side | None
    portal: Side | None


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Conflict objects; each is the edit that it was made of, and ends only when a person settles it."""

    store: Store
    edits: Edits

    def of(self, project: str) -> list[Edit]:
        """Return a project's conflicts, oldest first."""
        return [edit for edit in open_edits(self.store, project) if edit.state == "conflict"]

    def find(self, project: str, conflict: str) -> Edit:
        """Return a conflict: `NotFound` if there is none of this id, or it is settled."""
        return self._load(project, conflict).value

    def sides(self, edit: Edit) -> Sides:
        """Return the three texts of a conflict."""
        portal = None if edit.text is None else Side(blob_id(edit.text), edit.text)
        return Sides(self._side(edit.project, edit.base), self._side(edit.project, edit.git), portal)

    def settle(  # noqa: PLR0913, PLR0917 - what a person says, and in which trace
        self,
        project: str,
        conflict: str,
        take: Take,
        text: bytes | None,
        author: str | None,
        traceparent: str = "",
    ) -> Saved | None:
        """End a conflict as a person decides; None where git's text stays.

        What is taken goes on top of the git side that the conflict shows: where git has moved again it is merged once
        more, and `Overlap` says that this, too, is a conflict. A `merged` text is by `author`, the portal's by its own.
        """
        was = self._load(project, conflict)
        if (take == "merged") != (text is not None):
            raise BadInput("send `text` with `take: merged`, the whole file, and with nothing else")
        if take == "git":
            self.edits.abandon(was, author)
            return None
        chosen = _chosen(was.value, text, author)
        return self.edits.settle(was, msgspec.structs.replace(chosen, traceparent=traceparent))

    def _load(self, project: str, conflict: str) -> Versioned[Edit]:
        found = EDITS.load(self.store, project, conflict)
        if found is None:
            raise NotFound(f"no conflict {conflict[:80]!r} in project {project!r}: it may be settled")
        if found.value.state != "conflict":
            raise Conflict(f"conflict {conflict!r} is settled, and on its way to git")
        return found

    def _side(self, project: str, blob: str | None) -> Side | None:
        if blob is None:
            return None
        found = BLOBS.load(self.store, project, blob)
        return Side(blob, None if found is None else found.value)


def _chosen(edit: Edit, text: bytes | None, author: str | None) -> Edit:
    if text is not None:
        check_label(manifest_of(text), edit.experiment)
    return msgspec.structs.replace(
        edit,
        state="pending",
        text=edit.text if text is None else text,
        base=edit.git,
        moves=edit.moves if edit.git else None,
        author=author or edit.author,
        problem=None,
        git=None,
    )
