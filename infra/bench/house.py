"""What the measured functions find: bundles, a data folder with keys, and a project with a cluster and policies."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra import bundling
from infra.bench.processes import HOST, Started, serving
from infra.local.folder import furnish
from shared.clients.sqlite import SqliteQueue, SqliteStore, open_database
from shared.model.projects import GitOps

PROJECT: Final = "shop"
CLUSTER: Final = "prod"
SECRET: Final = "measured-with-this"  # noqa: S105 - it opens nothing but the benchmark's own project
EMPTY: Final = Path(__file__).parent / "empty"
MADE: Final = "2026-01-01T00:00:00.000Z"
KUBECONFIG: Final = """\
{"apiVersion": "v1", "kind": "Config", "current-context": "none",
 "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}], "users": [{"name": "none", "user": {}}],
 "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}]}
"""


@dataclass(frozen=True, slots=True)
class House:
    """A folder of the benchmark's own."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def master(self) -> bytes:
        """The master key."""
        return bytes.fromhex((self.data / "keys" / "master").read_text())

    @property
    def queue(self) -> SqliteQueue:
        """The queue that the functions use."""
        return SqliteQueue(open_database(self.data / "litmus-gitops.db"))

    @property
    def store(self) -> SqliteStore:
        """The store that the functions use."""
        return SqliteStore(open_database(self.data / "litmus-gitops.db"))

    def furnish(self) -> None:
        """Make keys, the webhook's secret and what a subscriber needs to start."""
        self.data.mkdir(parents=True, exist_ok=True)
        furnish(self.data)
        (self.data / "secrets" / "hook").write_text(SECRET)
        (self.data / "kubeconfig").write_text(KUBECONFIG)

    @contextmanager
    def serve(self, name: str) -> Iterator[Started]:
        """Serve the bundle of a function, or the empty one, in a process of its own."""
        source = EMPTY if name == "empty" else self.folder / "build" / name
        if name != "empty" and not source.exists():
            bundling.bundle(name, self.folder / "build")
        path = [source, Path(sysconfig.get_path("purelib"))]
        with serving(name, source, path, self._environment(), self.folder / f"{name}.log") as started:
            yield started

    def _environment(self) -> dict[str, str]:
        told = {"DATA_DIR": str(self.data), "ADMIN_TOKEN": "owner", "KUBECONFIG": str(self.data / "kubeconfig")}
        return told | {"CLUSTER_ID": CLUSTER, "PORTAL_URL": f"http://{HOST}:9", "SUBSCRIBER_SECRET": "whsec_YWJjZA=="}


def gitops(url: str = "https://git.example.com/shop.git") -> GitOps:
    """Return the settings of the project: enforcing, with one webhook secret."""
    return GitOps(url, f"litmus/{PROJECT}", webhook_secrets=("file:hook",), mode="enforce")
