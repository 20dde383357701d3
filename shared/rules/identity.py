"""Which experiment a file is: its label says so, else the place where it was first seen, for as long as it lives."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Final

import msgspec

from shared.model.experiments import Experiment, Manifest, Problem

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "gitops.litmuschaos.io")

Reading = Manifest | Problem


class File(msgspec.Struct, frozen=True):
    """One file of the folder, and what was read in it."""

    path: str
    blob: str
    reading: Reading

    @property
    def label(self) -> str | None:
        """The id that the file asks for by its label `workflow_id`."""
        return (self.reading.workflow_id or None) if isinstance(self.reading, Manifest) else None


class Identity(msgspec.Struct, frozen=True):
    """A file's id; `rival` is the path that holds the id which the file asked for in vain."""

    id: str
    rival: str | None = None


def mint(project: str, path: str, blob: str, taken: Container[str] = ()) -> str:
    """Return the id of a file without label at first sight: a uuid5 of project and path.

    Where a renamed file has taken that one along, the blob is added, and then a number.
    """
    return next(name for name in _names(project, path, blob) if name not in taken)


def identify(project: str, files: Iterable[File], stored: Sequence[Experiment]) -> dict[str, Identity]:
    """Return path → identity: each id once; who had it keeps it, then labels count in the order of paths."""
    ordered = sorted(files, key=lambda file: file.path)
    homes = {experiment.path: experiment for experiment in sorted(stored, key=lambda one: one.id, reverse=True)}
    owners: dict[str, str] = {}
    for _, path, name in sorted(_claims(ordered, homes)):
        owners.setdefault(name, path)
    given = {path: Identity(name) for name, path in owners.items()}
    rest = [file for file in ordered if file.path not in given]
    for file in sorted(rest, key=lambda file: file.path not in homes):
        kept = homes.get(file.path)
        name = kept.id if kept and kept.id not in owners else mint(project, file.path, file.blob, owners)
        given[file.path] = Identity(name, owners.get(file.label or ""))
        owners[name] = file.path
    return given


def _claims(files: Sequence[File], homes: Mapping[str, Experiment]) -> Iterator[tuple[int, str, str]]:
    """Yield one (rank, path, id) a file: the lowest rank wins an id, then the first path."""
    moved = _moved(files, homes)
    for file in files:
        had = homes.get(file.path)
        if file.label:
            rank = 0 if had and had.id == file.label else 1 if file.label in moved.get(file.blob, ()) else 2
            yield rank, file.path, file.label
        elif had:
            yield (3 if _gives_way(file, had) else 0), file.path, had.id
        elif ids := moved.get(file.blob):
            yield 1, file.path, ids.pop(0)


def _moved(files: Sequence[File], homes: Mapping[str, Experiment]) -> dict[str, list[str]]:
    """Return blob → ids of the experiments whose file had it and is gone from its path, in the order of paths."""
    paths, moved = {file.path for file in files}, dict[str, list[str]]()
    for path in sorted(homes.keys() - paths):
        moved.setdefault(homes[path].blob, []).append(homes[path].id)
    return moved


def _gives_way(file: File, had: Experiment) -> bool:
    """Whether the file leaves its id to one that asks for it by label.

    So does one that cannot be read, and may be another file in this one's place, and one that no longer carries the
    label that gave it its id.
    """
    labelled = had.manifest is not None and had.manifest.workflow_id == had.id
    return labelled or not isinstance(file.reading, Manifest)


def _names(project: str, path: str, blob: str) -> Iterator[str]:
    home = uuid.uuid5(_NAMESPACE, project)
    yield str(uuid.uuid5(home, path))
    yield str(uuid.uuid5(home, f"{path}\n{blob}"))
    yield from (str(uuid.uuid5(home, f"{path}\n{blob}\n{number}")) for number in count(2))
