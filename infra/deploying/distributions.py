"""The distributions that bundles pin, fetched for another machine: wheels alone, each held to its hashes."""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared.errors import Misconfigured

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that makes the bundles. Its bytecode fits no other, so that it is the one that they run on, too."""

_MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_OF_THE_INSTALLATION: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of a `.dist-info` that tell of the machine that installed it, and of nothing that a function asks for."""
_WORDS: Final = 400


@dataclass(frozen=True, slots=True)
class Machine:
    """What the functions run on: the processor, as AWS calls it, and the newest minor version of glibc 2 there."""

    architecture: str
    glibc: int

    @property
    def platforms(self) -> list[str]:
        """The tags of wheels that run there (PEP 600), and the older name of one of them (PEP 599)."""
        machine = _MACHINES[self.architecture]
        return [*(f"manylinux_2_{minor}_{machine}" for minor in range(self.glibc, 16, -1)), f"manylinux2014_{machine}"]

    @property
    def environment(self) -> dict[str, str]:
        """What requirements' markers are judged by there (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{PYTHON}.0",
            "python_version": PYTHON,
            "sys_platform": "linux",
        }


def fetch(pins: Mapping[str, str], machine: Machine, site: Path) -> None:
    """Install pins into a folder for that machine, compiled.

    Raises `Misconfigured`, with pip's own last words, if one of them has no wheel there, or another hash.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("".join(_applying(pins.values(), machine)))
        wanted.flush()
        _install(Path(wanted.name), machine, site)
    compiled(site)


def compiled(folder: Path) -> None:
    """Compile all below a folder to bytecode that is never checked against its source, and knows nothing of where."""
    compileall.compile_dir(
        folder, quiet=1, force=True, stripdir=str(folder), invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )


def files(names: Iterable[str], site: Path) -> Iterator[Path]:
    """Return the files of distributions in such a folder, with their bytecode, relative to it."""
    there: dict[str, Distribution] = {
        canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[str(site)])
    }
    for name in names:
        if name in there:
            yield from _files(there[name], site)


def _files(distribution: Distribution, site: Path) -> Iterator[Path]:
    for file in distribution.files or ():
        if file.name in _OF_THE_INSTALLATION or file.suffix == ".pyc" or ".." in file.parts:
            continue
        path = Path(file)
        yield path
        if path.suffix == ".py" and (site / (compiled := Path(cache_from_source(str(path))))).is_file():
            yield compiled


def _applying(blocks: Iterable[str], machine: Machine) -> Iterator[str]:
    """Return the pins that hold there, without their markers, since pip would judge those by this machine."""
    for block in blocks:
        head, line, hashes = block.partition("\\\n")
        requirement = Requirement(head)
        if requirement.marker is None or requirement.marker.evaluate(machine.environment):
            yield f"{requirement.name}{requirement.specifier} {line}{hashes}"


def _install(wanted: Path, machine: Machine, site: Path) -> None:
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--require-hashes"]
    words += ["--no-compile", "--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON]
    words += [word for platform in machine.platforms for word in ("--platform", platform)]
    words += ["--target", str(site), "--requirement", str(wanted)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        told = " ".join(done.stderr.split())[-_WORDS:]
        raise Misconfigured(f"pip cannot fetch what Python {PYTHON} needs on {machine.architecture}: {told}")
