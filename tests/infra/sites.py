"""Folders from which a bundle may import: links to what its pins name, and to nothing else that is installed."""

from __future__ import annotations

import importlib.metadata
import re
import sysconfig
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def only_pinned(bundle: Path, folder: Path, *more: str) -> Path:
    """Make a folder in which nothing can be imported but the distributions that a bundle pins, and these."""
    folder.mkdir()
    for name in (*PIN.findall((bundle / "requirements.txt").read_text()), *more):
        owned = importlib.metadata.files(name) or []
        for top in {file.parts[0] for file in owned} - {"..", "__pycache__"} - {link.name for link in folder.iterdir()}:
            (folder / top).symlink_to(Path(sysconfig.get_path("purelib")) / top)
    return folder
