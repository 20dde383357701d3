"""Makes a function deployable: its folder, what it reaches of `shared`, and its pins, in one folder of their own.

`python -m infra.bundling make NAME [FOLDER] [--for DEPLOYMENT]` writes `FOLDER/NAME`; without a folder that is
`build/NAME`, and `build/DEPLOYMENT/NAME` for another deployment than `local`. `list [--for DEPLOYMENT]` tells how large
each bundle is. `lock` writes each function's `requirements.txt` anew from the locked one at the top.
"""

from __future__ import annotations

import compileall
import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from infra.deployments import IN_CLUSTER, LOCAL, ROOT, Deployment, find
from infra.importing import pinned, reached
from shared.errors import Misconfigured

FUNCTIONS: Final = ROOT / "functions"
BUILD: Final = ROOT / "build"
DATA: Final = frozenset({".html", ".css", ".js", ".yaml"})
"""Files beside modules that the modules read, as in `package-data` of pyproject.toml."""

HEAD: Final = (
    "# What this function imports{}, pinned as in the requirements.txt at the top; `make lock` makes it anew.\n"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a bundle is in bytes: `own` with its bytecode, `pinned` what its `distributions` install, without."""

    function: str
    own: int
    pinned: int
    distributions: int


def names(deployment: Deployment = LOCAL) -> list[str]:
    """Return the names of the functions that run in a deployment, which are those of their folders."""
    found = {main.parent.name for main in FUNCTIONS.glob("*/main.py")}
    return sorted(found if deployment.hosts_subscriber else found - IN_CLUSTER)


def bundle(function: str, target: Path | None = None, deployment: Deployment = LOCAL) -> Path:
    """Write what a function needs in a deployment to `target/function`, in place of what was there; return that folder.

    Bytecode comes with it and is never checked against its source, since a bundle's files do not change:
    a cold start neither compiles nor compares. Raises `Misconfigured` if there is no such function there.
    """
    main = _main(function, deployment)
    folder = (target or (BUILD if deployment == LOCAL else BUILD / deployment.name)) / function
    shutil.rmtree(folder, ignore_errors=True)
    files = reached(main, *deployment.files, deployment=deployment)
    for path in (*sorted(files), *_data(files)):
        _copy(path, folder / path.relative_to(ROOT))
    for path in (main, *deployment.files):
        _copy(path, folder / path.name)
    (folder / "requirements.txt").write_text(requirements(function, deployment))
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return folder


def requirements(function: str, deployment: Deployment = LOCAL) -> str:
    """Return the text of a bundle's `requirements.txt`: what it imports and what that needs, pinned with hashes."""
    pins = pinned(_main(function, deployment), *deployment.files, deployment=deployment)
    return HEAD.format("" if deployment == LOCAL else f" on {deployment.name}") + "".join(pins.values())


def sizes(deployment: Deployment = LOCAL, functions: Iterable[str] | None = None) -> Iterator[Size]:
    """Make each bundle of a deployment, or those of some functions, for a moment, and tell how large it is."""
    with tempfile.TemporaryDirectory() as place:
        for name in names(deployment) if functions is None else functions:
            made = bundle(name, Path(place), deployment)
            own = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
            pins = pinned(_main(name, deployment), *deployment.files, deployment=deployment)
            yield Size(name, own, sum(map(_installed, pins)), len(pins))


def _main(function: str, deployment: Deployment) -> Path:
    if function not in names(deployment):
        raise Misconfigured(
            f"there is no function {function!r} on {deployment.name}: there are {', '.join(names(deployment))}"
        )
    return FUNCTIONS / function / "main.py"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _data(files: set[Path]) -> list[Path]:
    """Return the data files in the folders of the modules that a function reaches of `shared`."""
    modules = (file for file in files if file.name != "__init__.py" and file.is_relative_to(ROOT / "shared"))
    folders = {file.parent for file in modules}
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix in DATA)


def _installed(name: str) -> int:
    """Return the bytes of a distribution's files as it was installed here; 0 where its pin is for another platform."""
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    return sum(file.size or 0 for file in files)


def lock() -> None:
    """Write the `requirements.txt` of every function."""
    for name in names():
        (FUNCTIONS / name / "requirements.txt").write_text(requirements(name))


def table(found: Iterable[Size]) -> Iterator[str]:
    """Return the lines that tell how large bundles are."""
    yield f"{'function':<20}{'own':>10}{'pinned':>12}{'distributions':>15}\n"
    for size in found:
        yield f"{size.function:<20}{size.own >> 10:>6} KiB{size.pinned / (1 << 20):>8.1f} MiB{size.distributions:>15}\n"


def main(words: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    try:
        match _split(words):
            case ["lock"], _:
                lock()
            case ["list"], deployment:
                sys.stdout.writelines(table(sizes(deployment)))
            case ["make", name, *folder], deployment if len(folder) <= 1:
                sys.stdout.write(f"{bundle(name, Path(folder[0]) if folder else None, deployment)}\n")
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _split(words: list[str]) -> tuple[list[str], Deployment]:
    """Return the words without `--for DEPLOYMENT`, and that deployment."""
    if "--for" not in words[:-1]:
        return words, LOCAL
    place = words.index("--for")
    return words[:place] + words[place + 2 :], find(words[place + 1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
