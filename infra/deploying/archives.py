"""Archives that are the same, byte for byte, whenever and wherever they are made of the same files."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can tell."""
_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip: its size and that of its content in bytes, and its SHA-256 in hexadecimal digits."""

    path: Path
    size: int
    content: int
    digest: str


def write(path: Path, files: Mapping[str, Path]) -> Archive:
    """Write files, by the name that each gets, to a zip with no trace of when and as whom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes())
        content = sum(one.file_size for one in archive.infolist())
    return Archive(path, path.stat().st_size, content, hashlib.sha256(path.read_bytes()).hexdigest())
