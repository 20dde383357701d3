"""Makes a function deployable: its folder, what it reaches of `shared`, and its pins, in one folder of their own.

`python -m infra.bundling make NAME [FOLDER]` writes `FOLDER/NAME` (`build/NAME`); `python -m infra.bundling lock`
writes each function's `requirements.txt` anew from the locked one at the top.
"""

from __future__ import annotations

import ast
import compileall
import importlib.metadata
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared.errors import Misconfigured

ROOT: Final = Path(__file__).parents[1]
FUNCTIONS: Final = ROOT / "functions"
BUILD: Final = ROOT / "build"
FRAMEWORK: Final = "functions-framework"
UNSAID: Final = {"zoneinfo": "tzdata"}
"""Modules that need a distribution without importing it."""
DATA: Final = frozenset({".html", ".css", ".js", ".yaml"})
"""Files beside modules that the modules read, as in `package-data` of pyproject.toml."""
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
"""The versions whose needs are pinned."""

HEAD: Final = "# What this function imports, pinned as in the requirements.txt at the top; `make lock` makes it anew.\n"


def names() -> list[str]:
    """Return the names of the functions, which are those of their folders."""
    return sorted(main.parent.name for main in FUNCTIONS.glob("*/main.py"))


def bundle(function: str, target: Path = BUILD) -> Path:
    """Write what a function needs to `target/function`, in place of what was there, and return that folder.

    Bytecode comes with it and is never checked against its source, since a bundle's files do not change:
    a cold start neither compiles nor compares. Raises `Misconfigured` if there is no such function.
    """
    source, folder = _main(function), target / function
    shutil.rmtree(folder, ignore_errors=True)
    for path in (*sorted(reached(source)), *_data(source)):
        _copy(path, folder / path.relative_to(ROOT))
    _copy(source, folder / "main.py")
    _copy(source.with_name("requirements.txt"), folder / "requirements.txt")
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return folder


def requirements(function: str) -> str:
    """Return the text of a function's `requirements.txt`: what it imports and what that needs, pinned with hashes."""
    pins = _pins()
    return HEAD + "".join(pins[name] for name in sorted(_needed(_distributions(_main(function)), pins)))


def reached(main: Path) -> set[Path]:
    """Return the files of `shared` that a module imports, at once or later on, directly or through others."""
    found: set[Path] = set()
    waiting = [main]
    while waiting:
        new = {file for name in _imports(waiting.pop()) for file in _files(name)} - found
        found |= new
        waiting += new
    return found


def _main(function: str) -> Path:
    if function not in names():
        raise Misconfigured(f"there is no function {function!r}: there are {', '.join(names())}")
    return FUNCTIONS / function / "main.py"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _data(main: Path) -> list[Path]:
    """Return the data files in the folders of the modules that a function reaches."""
    folders = {file.parent for file in reached(main) if file.name != "__init__.py"}
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix in DATA)


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


def _files(name: str) -> Iterator[Path]:
    """Return the file of a module of ours, if the name is one, and the packages around it."""
    parts = name.split(".")
    if parts[0] != "shared":
        return
    for count in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:count])
        yield from (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file())


def _distributions(main: Path) -> set[str]:
    """Return the distributions that a function and what it reaches import, and the framework that runs it."""
    owners = importlib.metadata.packages_distributions()
    tops = {name.partition(".")[0] for file in (main, *reached(main)) for name in _imports(file)}
    strangers = tops - sys.stdlib_module_names - {"shared", "__future__"}
    if missing := sorted(top for top in strangers if top not in owners):
        raise Misconfigured(f"{main} reaches {', '.join(missing)}, which is not installed: run `make lock`")
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


def lock() -> None:
    """Write the `requirements.txt` of every function."""
    for name in names():
        (FUNCTIONS / name / "requirements.txt").write_text(requirements(name))


def main(words: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    try:
        match words:
            case ["lock"]:
                lock()
            case ["make", name, *folder] if len(folder) <= 1:
                sys.stdout.write(f"{bundle(name, *(Path(one) for one in folder))}\n")
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
