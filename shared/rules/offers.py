"""What only the portal has, once a project follows another place: shown, never dispatched, until a person decides."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Final

import msgspec

from shared.model.experiments import Draft, Edit, Experiment, Problem
from shared.rules.edits import TRAILER, blob_id

ONLY_HERE: Final = "only the portal has it: export it to git, or drop it, with litmus-gitops project export"


def place_in(folder: str, path: str, taken: Container[str]) -> str:
    """Return where a file goes in a folder: its own path if that lies there, else its name; numbered if taken."""
    folder = folder.strip("/")
    inside = not folder or path.startswith(f"{folder}/")
    first = PurePosixPath(path) if inside else PurePosixPath(folder, PurePosixPath(path).name)
    names = (first.with_stem(f"{first.stem}-{number}") if number > 1 else first for number in count(1))
    return next(str(name) for name in names if str(name) not in taken)


def offered(experiment: Experiment, path: str, at: str) -> Experiment:
    """Return an experiment as it is shown while it is offered at `path`: no commit of this place holds it."""
    problem = Problem(ONLY_HERE)
    return msgspec.structs.replace(experiment, path=path, commit="", state="pending", problem=problem, updated_at=at)


def is_offered(experiment: Experiment) -> bool:
    """Whether an experiment is only in the portal, and no edit is on its way to bring it into git."""
    said = experiment.problem.message if experiment.problem else ""
    return experiment.state == "pending" and not experiment.commit and said == ONLY_HERE


def clashes(edits: Sequence[Edit], files: Mapping[str, str]) -> list[str]:
    """Return the paths where git (path → blob) holds something else than what is offered."""
    return [edit.path for edit in edits if files.get(edit.path, _blob(edit)) != _blob(edit)]


def export_of(edits: Sequence[Edit], author: str, at: str) -> Draft:
    """Return the one commit that brings offers into git."""
    title = f"Add {edits[0].path}" if len(edits) == 1 else f"Add {len(edits)} files that only the portal had"
    trailers = "".join(f"{TRAILER}: {edit.id}\n" for edit in edits)
    message = f"{title}\n\nExported from the portal.\n\n{trailers}"
    return Draft({edit.path: edit.text for edit in edits}, message, author, at)


def _blob(edit: Edit) -> str:
    return blob_id(edit.text or b"")
