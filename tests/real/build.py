"""Builds kube-apiserver and etcd from the pinned Go module once, and keeps them outside the repository.

Run as `python -m tests.real.build`: needs `go` and the standard library alone, and prints where the two are.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
KUBERNETES = "k8s.io/kubernetes"
PACKAGES = {"kube-apiserver": f"{KUBERNETES}/cmd/kube-apiserver", "etcd": "go.etcd.io/etcd/server/v3"}
ENVIRONMENT = {"CGO_ENABLED": "0", "GOWORK": "off"}
READ_ONLY = "-mod=readonly"
FLAGS = (READ_ONLY, "-trimpath", "-buildvcs=false")
STRIP = "-s -w"
STAMP = "k8s.io/component-base/version"


class BuildError(RuntimeError):
    """The servers are not there and could not be made; the sentence says how to mend it."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The two executables that make a real Kubernetes API."""

    apiserver: Path
    etcd: Path

    @property
    def complete(self) -> bool:
        """Whether both are there."""
        return self.apiserver.is_file() and self.etcd.is_file()


def _go(*arguments: str) -> str:
    """What `go` printed; its complaints go straight to the terminal, for a build takes minutes."""
    command = ["go", *arguments]
    try:
        return subprocess.run(
            command, cwd=MODULE, env=os.environ | ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
    except FileNotFoundError as error:
        raise BuildError("go is not on PATH: install it, or leave the tests marked `real` out") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(f"`{' '.join(command)}` in {MODULE} ended with {error.returncode}: see above") from error


def cache_root() -> Path:
    """The folder of all builds, by the XDG base directory specification."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "litmus-gitops" / "real"


def locate() -> Binaries:
    """Where the build of exactly these pins by exactly this toolchain stands, or will."""
    recipe = hashlib.sha256(repr((PACKAGES, ENVIRONMENT, FLAGS, STRIP, STAMP)).encode())
    recipe.update(_go("env", "GOVERSION", "GOOS", "GOARCH").encode())
    for name in ("go.mod", "go.sum"):
        recipe.update((MODULE / name).read_bytes())
    folder = cache_root() / recipe.hexdigest()[:16]
    return Binaries(folder / "kube-apiserver", folder / "etcd")


def built() -> Binaries:
    """The executables that tests start; a test never waits for a compiler."""
    binaries = locate()
    if not binaries.complete:
        raise BuildError(f"{binaries.apiserver.parent} lacks a server: run `python -m tests.real.build` first")
    return binaries


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time; the lock dies with its process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _linker_flags() -> str:
    """Without the stamp `/version` would say v0.0.0, and clients judge a server by it."""
    version = _go("list", READ_ONLY, "-m", "-f", "{{.Version}}", KUBERNETES)
    major, minor, _ = version.removeprefix("v").split(".")
    stamp = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return " ".join((STRIP, *(f"-X {STAMP}.{name}={value}" for name, value in stamp.items())))


def _compile(binaries: Binaries) -> None:
    """A folder appears only whole: it is filled beside its place and renamed."""
    folder = binaries.apiserver.parent
    linker = _linker_flags()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as scratch:
        whole = Path(scratch, folder.name)
        for name, package in PACKAGES.items():
            print(f"building {name} (minutes, the first time)", file=sys.stderr, flush=True)  # noqa: T201 - a command
            _go("build", *FLAGS, f"-ldflags={linker}", "-o", str(whole / name), package)
        shutil.rmtree(folder, ignore_errors=True)
        whole.replace(folder)


def ensure() -> Binaries:
    """The executables, built now if they were not yet."""
    binaries = locate()
    cache_root().mkdir(parents=True, exist_ok=True)
    with _locked(cache_root() / "lock"):
        if not binaries.complete:
            _compile(binaries)
    return binaries


def main() -> int:
    """The command: paths on standard output, reasons on standard error."""
    try:
        binaries = ensure()
    except BuildError as error:
        print(f"tests.real.build: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print(binaries.apiserver, binaries.etcd, sep="\n")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
