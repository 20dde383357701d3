"""Makes what a platform takes of each function: a zip with everything in it, a zip that is built there, or a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.bundling import FUNCTIONS, bundle
from infra.deploying import archives
from infra.deploying.catalogue import catalogue
from infra.deploying.distributions import Machine, compiled, fetch, files
from infra.deployments import Deployment
from infra.importing import pinned

LAMBDA_UPLOAD: Final = 50 << 20
LAMBDA_CONTENT: Final = 250 << 20
"""Bytes that Lambda takes as a zip in one request, and unpacked (AWS Lambda quotas: "Deployment package")."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What was made of a function: where it is, its bytes, and for a zip those of its content and its SHA-256."""

    function: str
    path: Path
    size: int
    content: int
    digest: str | None = None


def pack_whole(deployment: Deployment, build: Path, machine: Machine) -> Iterator[Packed]:
    """Make a zip of each function with all that it imports, for a machine: what Lambda takes."""
    pins = {name: _pins(name, deployment) for name in _names(deployment)}
    site = _emptied(build / ".distributions")
    fetch({pin: block for of_it in pins.values() for pin, block in of_it.items()}, machine, site)
    for name, pinned_ones in pins.items():
        theirs = {str(file): site / file for file in files(pinned_ones, site)}
        yield _zipped(name, build, theirs | _own(name, deployment, build))


def pack_sources(deployment: Deployment, build: Path) -> Iterator[Packed]:
    """Make a zip of each function's bundle, whose requirements the platform itself installs: what Cloud Run takes."""
    for name in _names(deployment):
        yield _zipped(name, build, _own(name, deployment, build))


def pack_folders(deployment: Deployment, build: Path) -> Iterator[Packed]:
    """Make the bundle of each function that answers the outside: what an image is built of. The engine has the rest."""
    for name in (one.name for one in catalogue(deployment) if one.routes):
        folder = bundle(name, build, deployment)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        yield Packed(name, folder, size, size)


def _names(deployment: Deployment) -> list[str]:
    return [one.name for one in catalogue(deployment)]


def _pins(name: str, deployment: Deployment) -> dict[str, str]:
    return pinned(FUNCTIONS / name / "main.py", *deployment.files, deployment=deployment)


def _own(name: str, deployment: Deployment, build: Path) -> dict[str, Path]:
    folder = bundle(name, build, deployment)
    compiled(folder)
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def _zipped(name: str, build: Path, content: Mapping[str, Path]) -> Packed:
    made = archives.write(build / f"{name}.zip", content)
    return Packed(name, made.path, made.size, made.content, made.digest)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
