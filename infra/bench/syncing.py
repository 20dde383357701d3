"""A push of one file into a large repository: our sync, beside a clone and a walk through all of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from infra.bench.figures import Figure, median
from infra.bench.house import MADE, PROJECT, House, gitops
from infra.demo.manifests import EXPERIMENT, WORKFLOW_ID
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.clients.ids import new_id
from shared.clients.opening import open_secrets, utc_now
from shared.model.experiments import Experiment
from shared.model.messages import Message
from shared.model.projects import Project
from shared.services.dirt import dirty
from shared.services.leases import Leases
from shared.services.repositories import Repositories
from shared.services.syncs import Syncs
from shared.services.tables import EXPERIMENTS, PROJECTS, SYNCS
from shared.wire.files import read_file

ROUNDS: Final = 3
PUSHED: Final = "experiment-00007"
SIZES: Final = (1_000, 10_000)


class NotSynced(RuntimeError):
    """The portal does not show what was pushed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A bare repository on this disk, written by `git fast-import`."""

    folder: Path

    @property
    def url(self) -> str:
        """Where it is cloned from: over git's protocol, as from a host."""
        return f"file://{self.folder}"

    def make(self, size: int) -> None:
        """Fill it with `size` experiments."""
        _git("init", "-q", "--bare", "-b", "main", str(self.folder))
        self._commit({_path(f"experiment-{number:05}"): _text(number, 0) for number in range(size)}, "")

    def push(self, turn: int) -> None:
        """Change one of them."""
        self._commit({_path(PUSHED): _text(7, turn)}, "from refs/heads/main^0\n")

    def _commit(self, files: dict[str, str], parent: str) -> None:
        told = "".join(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n" for path, text in files.items())
        who = f"committer Bench <bench@example.com> {int(time.time())} +0000"
        stream = f"commit refs/heads/main\n{who}\ndata 7\nPushed.\n{parent}{told}\n"
        _git("fast-import", "--quiet", cwd=self.folder, given=stream.encode())


def measure(house: House, *, full: bool) -> Iterator[Figure]:
    """Push to repositories of 1,000 and 10,000 experiments, to the large one once unless `full`: it takes long."""
    for size in SIZES:
        rounds = ROUNDS if full or size == SIZES[0] else 1
        yield from measure_size(House(house.folder / str(size)), size, rounds)


def measure_size(house: House, size: int, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Push `rounds` times to a repository of `size` experiments."""
    house.furnish()
    origin = Origin(house.folder / "chaos.git")
    origin.make(size)
    house.store.commit([PROJECTS.put(Project(PROJECT, "Shop", MADE, gitops(origin.url)), PROJECT)])
    syncs = _syncs(house)
    first = _timed(partial(_sync, house, syncs))
    ours, clones, reads = [], [], []
    for turn in range(1, rounds + 1):
        origin.push(turn)
        ours.append(_timed(partial(_sync, house, syncs)))
        clone = house.folder / f"clone-{turn}"
        clones.append(_timed(partial(_git, "clone", "-q", "--depth", "1", origin.url, str(clone))))
        reads.append(clones[-1] + _timed(partial(_read_all, clone)))
        _check(house, turn)
    group = f"sync, {size:,} experiments"
    yield Figure(group, "a push of one file", median(ours), "ms", "git clone --depth 1", median(clones))
    yield Figure(group, "a push of one file", median(ours), "ms", "clone, walk and parse", median(reads))
    yield Figure(group, "the first import", first, "ms", "clone, walk and parse", median(reads))


def _syncs(house: House) -> Syncs:
    repositories = Repositories(Remotes(), Hosts(), open_secrets(house.data / "secrets"), allow_local=True)
    return Syncs(house.store, repositories, Leases(house.store, utc_now), utc_now, new_id)


def _sync(house: House, syncs: Syncs) -> None:
    """Mark the project dirty, as a delivery does, and sync it, as the message asks."""
    house.store.commit(*dirty(house.store, new_id, PROJECT))
    syncs.sync_project(Message(new_id(), "sync", "project", {"project": PROJECT}))


def _read_all(clone: Path) -> None:
    """Parse every file, as one does who keeps nothing between two syncs."""
    for path in sorted(clone.glob("litmus/**/*.yaml")):
        read_file(str(path.relative_to(clone)), path.read_bytes())


def _check(house: House, turn: int) -> None:
    state, found = SYNCS.load(house.store, PROJECT), _experiment(house)
    if state is None or state.value.invalid or found is None or not found.name.endswith(f"-{turn}"):
        raise NotSynced(f"after push {turn} the portal shows {found} in state {state}")


def _experiment(house: House) -> Experiment | None:
    found = EXPERIMENTS.load(house.store, PROJECT, PUSHED)
    return found.value if found else None


def _path(name: str) -> str:
    return f"litmus/{PROJECT}/{name}.yaml"


def _text(number: int, turn: int) -> str:
    text = EXPERIMENT.replace(WORKFLOW_ID, f"experiment-{number:05}")
    return text.replace("name: web-pod-delete\n", f"name: web-pod-delete-{number}-{turn}\n", 1)


def _timed(act: Callable[[], None]) -> float:
    """Return how many milliseconds it took."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _git(*words: str, cwd: Path | None = None, given: bytes | None = None) -> None:
    subprocess.run(["git", *words], cwd=cwd, input=given, check=True)  # noqa: S603, S607 - git, our own words
