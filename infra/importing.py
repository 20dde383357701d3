"""What a file of ours imports: the files of this repository that it reaches, and the distributions that it needs."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.deployments import LOCAL, ROOT, Deployment
from shared.errors import Misconfigured

FRAMEWORK: Final = "functions-framework"
OURS: Final = frozenset({"shared", "infra"})
UNSAID: Final = {"zoneinfo": "tzdata", "psycopg": "psycopg-binary"}
"""Modules that need a distribution without importing it."""
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
"""The versions whose needs are pinned."""


def reached(*roots: Path, deployment: Deployment = LOCAL) -> set[Path]:
    """Return the files of ours that these import, at once or later on, directly or through others.

    What the deployment leaves out is not followed.
    """
    found: set[Path] = set()
    waiting = list(roots)
    while waiting:
        named = (name for name in _imports(waiting.pop()) if deployment.has(name))
        new = {file for name in named for file in _files(name)} - found
        found |= new
        waiting += new
    return found


def pinned(*roots: Path, deployment: Deployment = LOCAL) -> dict[str, str]:
    """Return the pin, with hashes, of each distribution that these need, from the locked requirements at the top."""
    pins = _pins()
    return {name: pins[name] for name in sorted(_needed(_distributions(roots, deployment), pins))}


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return every dotted name that a file imports anywhere in it; of `from a import b`, both `a` and `a.b`."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return (*plain, *(name for node in nodes if isinstance(node, ast.ImportFrom) for name in _froms(node, package)))


def _froms(node: ast.ImportFrom, package: str) -> Iterator[str]:
    base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def _files(name: str) -> tuple[Path, ...]:
    """Return the file of a module of ours, if the name is one, and the packages around it."""
    parts = name.split(".")
    if parts[0] not in OURS:
        return ()
    places = [ROOT.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    beside = (file for place in places for file in (place / "__init__.py", place.with_suffix(".py")))
    return tuple(file for file in beside if file.is_file())


def _distributions(roots: Iterable[Path], deployment: Deployment) -> set[str]:
    """Return the distributions that these and what they reach import, and the framework that runs them."""
    owners = importlib.metadata.packages_distributions()
    files = (*roots, *reached(*roots, deployment=deployment))
    tops = {name.partition(".")[0] for file in files for name in _imports(file)}
    strangers = tops - sys.stdlib_module_names - OURS - {"__future__"}
    if missing := sorted(top for top in strangers if top not in owners):
        raise Misconfigured(f"{files[0]} reaches {', '.join(missing)}, which is not installed: run `make lock`")
    unsaid = {UNSAID[top] for top in tops & UNSAID.keys()}
    return {FRAMEWORK, *unsaid, *(canonicalize_name(owner) for top in strangers for owner in owners[top])}


def _needed(wanted: Iterable[str], pins: dict[str, str]) -> set[str]:
    """Return the wanted distributions and all that they need themselves, as far as they are pinned."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in pins and name not in found:
            found.add(name)
            waiting += _requires(name)
    return found


def _requires(name: str) -> list[str]:
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(line) for line in lines]
    return [canonicalize_name(one.name) for one in found if one.marker is None or _applies(one)]


def _applies(requirement: Requirement) -> bool:
    """Whether a requirement holds on Linux for any Python that we support, without an extra."""
    assert requirement.marker is not None
    places = ({"python_version": p, "python_full_version": f"{p}.0", "extra": ""} for p in PYTHONS)
    return any(requirement.marker.evaluate(place) for place in places)


def _pins() -> dict[str, str]:
    """Return each pin of the locked requirements with its hashes, by the distribution's normalised name."""
    blocks = re.split(r"^(?=\S)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    return {canonicalize_name(block.partition("==")[0]): block for block in blocks if "==" in block}
