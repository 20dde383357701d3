"""Our functions as `make run` serves them: a process that may be ended and started anew, with a project in it."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3

from infra.cli.portal import Portal
from infra.demo.certificates import make_certificates
from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.demo.tls import TlsFront
from tests.gitserver import Clone, git
from tests.real.waiting import eventually

PROJECT = "shop"
OWNER = "the-owners-token"
UNBOUNDED = {
    "cooldown": "0s",
    "storm": None,
    "max_runs": {"cluster": 100, "namespace": 100},
    "ignore_rollbacks": False,
    "ignore_zero": False,
}
"""Safety that lets each change trigger, since it is the changes that are told apart."""


class LocalPortal:
    """Context manager: serves plain HTTP at `base`, and TLS at `front`, which is what clusters are told.

    The front stays while the process behind it is down.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exits = ExitStack()
        self._port = free_port()
        self.base = f"http://127.0.0.1:{self._port}"
        self.certificates = make_certificates(folder / "tls")
        self._front = TlsFront(self._port, self.certificates)
        self._child: Child | None = None
        self.api = Portal(self.base, OWNER)

    def __enter__(self) -> Self:
        self._exits.enter_context(self._front)
        self._exits.callback(self.stop)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._exits.close()

    def start(self) -> None:
        """Start the process and wait until it serves."""
        told = {"PORT": str(self._port), "DATA_DIR": str(self._folder / "data"), "ADMIN_TOKEN": OWNER}
        told |= {"PUBLIC_URL": self._front.url}
        self._child = Child("the portal", ["-m", "infra.local"], told, self._folder / "portal.log")
        self._child.__enter__().wait_until_ready(f"{self.base}/readyz")

    def stop(self) -> None:
        """End the process; the front goes on."""
        if self._child is not None:
            self._child.stop()

    def open_project(self, files: Mapping[str, str]) -> None:
        """Make the project: it enforces, and follows a repository with these files in its folder."""
        bare, work = self._folder / "chaos.git", self._folder / "work"
        git("init", "-q", "--bare", "-b", "main", str(bare))
        git("clone", "-q", str(bare), str(work))
        clone = Clone(work)
        for name, text in files.items():
            clone.write(f"litmus/{PROJECT}/{name}", text)
        clone.push()
        self.api.call("POST", "/projects", {"id": PROJECT, "name": "Shop"})
        self.call("PUT", "/gitops", {"repo_url": f"file://{bare}", "mode": "enforce"})
        self.call("PUT", "/safety", UNBOUNDED)
        eventually(lambda: self._synced() == len(files), f"{len(files)} experiments are synced")

    def register(self, cluster: str, **more: str) -> dict[str, str]:
        """Register a cluster and return its addresses and its secret."""
        found: dict[str, str] = self.call("POST", "/clusters", {"id": cluster, "name": cluster, **more})
        return found

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the project's API."""
        return self.api.call(method, f"/projects/{PROJECT}{path}", body)

    def rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return what a list of the project has, oldest first."""
        return list(self.api.items(f"/projects/{PROJECT}{path}", 1000, **query))[::-1]

    def metrics(self) -> str:
        """Return what the process counts."""
        return urllib3.request("GET", f"{self.base}/metrics", retries=False).data.decode()

    def _synced(self) -> int:
        return sum(row["state"] == "synced" for row in self.rows("/experiments"))


def counted(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of the series of a counter that have these labels, in Prometheus' text format."""
    told = [f'{label}="{value}"' for label, value in labels.items()]
    lines = (line for line in metrics.splitlines() if line.partition("{")[0].partition(" ")[0] == name)
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(one in line for one in told))


def growth(read: Callable[[], str], name: str, **labels: str) -> Callable[[], float]:
    """Return what tells by how much a counter has grown from now on."""
    before = counted(read(), name, **labels)
    return lambda: counted(read(), name, **labels) - before
