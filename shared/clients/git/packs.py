"""Reads packs (gitformat-pack) within bounds: no object is inflated further than what is kept of it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dulwich.errors import ApplyDeltaError, GitProtocolError
from dulwich.pack import apply_delta

from shared.clients.git.packets import TooMuch

KEPT: Final = 8 << 20
"""Bytes of the largest object that is kept: git makes no delta of a manifest against anything larger."""

TOTAL: Final = 256 << 20
"""Bytes kept of one pack in all."""

COMMIT, TREE, BLOB, _OFFSET_DELTA, _ID_DELTA = 1, 2, 3, 6, 7
_NAMES: Final = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_STEP: Final = 64 << 10
_LONG = 0x80


@dataclass(frozen=True, slots=True)
class Entry:
    """One packed object: `content` is None if it is larger than `KEPT`; `base` is set for a delta."""

    offset: int
    kind: int
    size: int
    content: bytes | None
    base: int | bytes | None = None


def objects(pack: bytes) -> dict[bytes, tuple[int, bytes]]:
    """Return the objects of a pack by id, less those over `KEPT`: `TooMuch` over `TOTAL` bytes."""
    try:
        return _objects(pack)
    except (IndexError, KeyError, zlib.error, ApplyDeltaError) as error:
        raise GitProtocolError(f"the pack that was sent cannot be read: {error}") from error


def _objects(pack: bytes) -> dict[bytes, tuple[int, bytes]]:
    known: dict[int | bytes, tuple[int, bytes]] = {}
    deltas, kept = [], 0
    for entry in _entries(pack):
        kept = _bounded(kept, entry.content)
        if entry.base is not None:
            deltas.append(entry)
        elif entry.content is not None:
            _keep(known, entry.offset, entry.kind, entry.content)
    _resolve(known, deltas, kept)
    return {name: value for name, value in known.items() if isinstance(name, bytes)}


def _resolve(known: dict[int | bytes, tuple[int, bytes]], deltas: list[Entry], kept: int) -> None:
    """Apply deltas until none is left whose base is known; the others rest on what was too large to keep."""
    while deltas:
        later = []
        for entry in deltas:
            if entry.base in known:
                kept = _bounded(kept, _apply(known, entry))
            else:
                later.append(entry)
        if len(later) == len(deltas):
            return
        deltas = later


def _apply(known: dict[int | bytes, tuple[int, bytes]], entry: Entry) -> bytes | None:
    kind, base = known[entry.base or 0]
    if entry.content is None or _result_size(entry.content) > KEPT:
        return None
    content = b"".join(apply_delta(base, entry.content))
    _keep(known, entry.offset, kind, content)
    return content


def _keep(known: dict[int | bytes, tuple[int, bytes]], offset: int, kind: int, content: bytes) -> None:
    head = b"%s %d\0" % (_NAMES[kind], len(content))
    name = hashlib.sha1(head + content, usedforsecurity=False).hexdigest().encode()
    known[offset] = known[name] = (kind, content)


def _bounded(kept: int, content: bytes | None) -> int:
    kept += len(content or b"")
    if kept > TOTAL:
        raise TooMuch
    return kept


def _entries(pack: bytes) -> Iterator[Entry]:
    if pack[:4] != b"PACK" or int.from_bytes(pack[4:8], "big") not in {2, 3}:
        raise GitProtocolError("the answer holds no pack that can be read")
    position = 12
    for _ in range(int.from_bytes(pack[8:12], "big")):
        entry, position = _entry(pack, position)
        yield entry


def _entry(pack: bytes, offset: int) -> tuple[Entry, int]:
    kind, size, position = _head(pack, offset)
    base: int | bytes | None = None
    if kind == _OFFSET_DELTA:
        distance, position = _distance(pack, position)
        base = offset - distance
    elif kind == _ID_DELTA:
        base, position = pack[position : position + 20].hex().encode(), position + 20
    content, position = _inflate(pack, position, size)
    return Entry(offset, kind, size, content, base), position


def _head(pack: bytes, position: int) -> tuple[int, int, int]:
    """Return kind, inflated size and where the rest begins (gitformat-pack, "size encoding")."""
    byte = pack[position]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & _LONG:
        position += 1
        byte = pack[position]
        size |= (byte & 127) << shift
        shift += 7
    return kind, size, position + 1


def _distance(pack: bytes, position: int) -> tuple[int, int]:
    """Return how far back the base begins (gitformat-pack, "offset encoding")."""
    byte = pack[position]
    distance = byte & 127
    while byte & _LONG:
        position += 1
        byte = pack[position]
        distance = distance + 1 << 7 | byte & 127
    return distance, position + 1


def _result_size(delta: bytes) -> int:
    """Return the size that a delta promises, the second number in its head."""
    position, sizes = 0, []
    for _ in range(2):
        size = shift = 0
        while True:
            byte = delta[position]
            size |= (byte & 127) << shift
            position, shift = position + 1, shift + 7
            if not byte & _LONG:
                break
        sizes.append(size)
    return sizes[1]


def _inflate(pack: bytes, position: int, size: int) -> tuple[bytes | None, int]:
    """Return the inflated bytes (None, with nothing kept, if there are too many) and where the next entry begins."""
    inflater, view, parts, found = zlib.decompressobj(), memoryview(pack), [], 0
    step = min(_STEP, size + (size >> 6) + 64)
    while not inflater.eof:
        source: bytes | memoryview = inflater.unconsumed_tail
        if not source:
            source = view[position : position + step]
            position += len(source)
        part = inflater.decompress(source, _STEP)
        found += len(part)
        if found > size or not (source or part):
            raise GitProtocolError("a packed object is longer than its head says, or cut off")
        if size <= KEPT:
            parts.append(part)
    if found < size:
        raise GitProtocolError("a packed object is shorter than its head says")
    return (b"".join(parts) if size <= KEPT else None), position - len(inflater.unused_data)
