"""Bundles: how large what is deployed is, beside the same with all that its requirements bring."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra import bundling
from infra.bench.figures import Figure
from infra.bench.house import House

PIN: Final = re.compile(r"^([\w.-]+)==", re.MULTILINE)
KIB: Final = 1024


def measure(house: House) -> Iterator[Figure]:
    """Make every function's bundle, its bytecode included, and count; of what it needs the files as installed here."""
    for name in bundling.names():
        folder = bundling.bundle(name, house.folder / "build")
        own = [path for path in folder.rglob("*") if path.is_file()]
        whole = [*own, *_needed((folder / "requirements.txt").read_text())]
        yield Figure("bundle", f"{name}: size", _kib(own), "KiB", "with what it needs", _kib(whole))
        yield Figure("bundle", f"{name}: files", len(own), "files", "with what it needs", len(whole))


def _needed(requirements: str) -> Iterator[Path]:
    """Yield the files of the pinned distributions, without the bytecode that an installer may have made of them."""
    for name in PIN.findall(requirements):
        for file in _distribution(name):
            path = Path(str(file.locate()))
            if path.suffix != ".pyc" and path.is_file():
                yield path


def _distribution(name: str) -> list[importlib.metadata.PackagePath]:
    """Return the files of a distribution; of one that another Python or system needs there are none here."""
    try:
        return importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _kib(paths: list[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / KIB
