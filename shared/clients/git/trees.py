"""Walks trees to the manifests below a folder, and edits trees into new ones; pure over a look-up of objects."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree

from shared.errors import Conflict, Invalid, Unavailable

LookUp = Callable[[bytes], ShaFile]
"""Returns the commit or tree under an id; `KeyError` if it is not there."""

FILES: Final = 20_000
"""Manifests that one project may have."""

DEPTH: Final = 50
"""Folders below each other; deeper ones are not looked into."""

_REGULAR, _FOLDER = stat.S_IFREG | 0o644, stat.S_IFDIR


def folder_of(look_up: LookUp, commit: bytes, folder: str) -> bytes | None:
    """Return the id of a folder's tree in a commit, None if there is none: `Invalid` if a file is in its place."""
    found: bytes = root_of(look_up, commit).id
    for name in _parts(folder):
        tree = _tree(look_up, found)
        at = entry(tree, name)
        if at is None:
            return None
        mode, found = at
        if not stat.S_ISDIR(mode):
            raise Invalid(f"{folder!r} is no folder in this repository: a file, link or submodule is in its place")
    return found


def manifests(look_up: LookUp, tree: bytes, folder: str) -> dict[str, str]:
    """Return path → blob id of the regular `.yaml` and `.yml` files below a tree: `Invalid` beyond `FILES`.

    Folders are bounded likewise, since a few trees that name each other often unfold without end.
    """
    found: dict[str, str] = {}
    for folders, (path, tree_id) in enumerate(_walk(look_up, tree, folder.strip("/"))):
        for name, mode, sha in _tree(look_up, tree_id).items():
            below = f"{path}/{name.decode(errors='backslashreplace')}".lstrip("/")
            if stat.S_ISREG(mode) and below.endswith((".yaml", ".yml")):
                found[below] = sha.decode()
        if max(len(found), folders) > FILES:
            raise Invalid(f"{folder!r} holds more than {FILES} manifests or folders: divide it into several projects")
    return found


def root_of(look_up: LookUp, commit: bytes) -> Tree:
    """Return a commit's tree."""
    found = _there(look_up, commit)
    if not isinstance(found, Commit):
        raise Unavailable("the git host sent something else in a commit's place")
    return _tree(look_up, found.tree)


def entry(tree: Tree, name: bytes) -> tuple[int, ObjectID] | None:
    """Return mode and id under a name in a tree, or None."""
    return tree[name] if name in tree else None  # noqa: SIM401 - a Tree has no get


def edited(look_up: LookUp, root: Tree, changes: Mapping[str, bytes | None]) -> list[ShaFile]:
    """Return the new objects of a tree with these files written (None: removed); the new root is the last of them.

    Nothing is returned where nothing changes. `Conflict` where a path is taken by something else than a file.
    """
    made: list[ShaFile] = []
    new = _edited(look_up, root, {tuple(_parts(path)): text for path, text in changes.items()}, made)
    return [] if new.id == root.id else [*made, new]


def _edited(
    look_up: LookUp, tree: Tree, changes: Mapping[tuple[bytes, ...], bytes | None], made: list[ShaFile]
) -> Tree:
    new = Tree()
    for item in tree.items():
        new.add(*item)
    for name in sorted({path[0] for path in changes}):
        below = {path[1:]: text for path, text in changes.items() if path[0] == name}
        if () in below:
            _write(new, name, below[()], made)
        else:
            _descend(look_up, new, name, below, made)
    return new


def _write(tree: Tree, name: bytes, text: bytes | None, made: list[ShaFile]) -> None:
    mode, _ = entry(tree, name) or (_REGULAR, b"")
    if not stat.S_ISREG(mode):
        raise Conflict(f"{name.decode(errors='replace')!r} is no regular file in git")
    if text is not None:
        blob = Blob.from_string(text)
        made.append(blob)
        tree.add(name, mode, blob.id)
    elif name in tree:
        del tree[name]


def _descend(
    look_up: LookUp, tree: Tree, name: bytes, below: Mapping[tuple[bytes, ...], bytes | None], made: list[ShaFile]
) -> None:
    mode, found = entry(tree, name) or (_FOLDER, None)
    if not stat.S_ISDIR(mode):
        raise Conflict(f"{name.decode(errors='replace')!r} is no folder in git")
    new = _edited(look_up, _tree(look_up, found) if found else Tree(), below, made)
    if len(new):
        made.append(new)
        tree.add(name, _FOLDER, new.id)
    elif found:
        del tree[name]


def _walk(look_up: LookUp, tree: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and id of a tree and of all trees below it."""
    yield path, tree
    for name, mode, sha in _tree(look_up, tree).items():
        if stat.S_ISDIR(mode):
            below = f"{path}/{name.decode(errors='backslashreplace')}".lstrip("/")
            yield from _walk(look_up, sha, below) if below.count("/") < DEPTH else ()


def _tree(look_up: LookUp, name: bytes) -> Tree:
    found = _there(look_up, name)
    if not isinstance(found, Tree):
        raise Unavailable("the git host sent something else in a folder's place")
    return found


def _there(look_up: LookUp, name: bytes) -> ShaFile:
    try:
        return look_up(ObjectID(name))
    except KeyError as error:
        raise Unavailable(f"the git host did not send object {name.decode()[:12]}") from error


def _parts(path: str) -> list[bytes]:
    parts = [part.encode() for part in path.split("/") if part]
    if any(part in {b".", b".."} or part.lower() == b".git" for part in parts):
        raise Invalid(f"{path!r} is no path inside a repository")
    return parts
