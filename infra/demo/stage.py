"""The demo's parts: a Kubernetes API, the portal's process, a bare repository and the cluster's subscriber."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from infra.cli.portal import Portal
from infra.demo import manifests
from infra.demo.certificates import make_certificates
from infra.demo.kubernetes_api.server import ApiServer
from infra.demo.operator import Operator
from infra.demo.processes import Child
from infra.demo.tls import TlsFront
from shared.clients.kubernetes import open_kubernetes
from shared.errors import LitmusGitopsError, NotFound
from shared.ports.kubernetes import KubernetesApi

PROJECT = "demo"
CLUSTER = "demo-cluster"
ROOT = Path(__file__).parents[2]
T = TypeVar("T")
_PAUSE = 0.05


def _has_controllers(api: KubernetesApi) -> bool:
    try:
        api.get("coordination.k8s.io/v1/leases", "kube-system", "kube-controller-manager")
    except NotFound:
        return False
    return True


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Stage:
    """Everything that the steps act on; what was started ends with `parts`. A step waits `patience` seconds at most."""

    folder: Path
    parts: ExitStack
    experiment: str = manifests.EXPERIMENT
    patience: float = 30.0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    port: int = field(default_factory=free_port)
    subscriber_port: int = field(default_factory=free_port)
    cluster: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    run: str = ""
    subscriber: Child | None = None

    @property
    def base(self) -> str:
        """Where the portal serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def embedded(self) -> bool:
        """Whether the cluster is the embedded double; KUBECONFIG names another."""
        return not os.environ.get("KUBECONFIG")

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the demo's cluster."""
        return Path(os.environ.get("KUBECONFIG") or self.folder / "kubeconfig")

    @property
    def bare(self) -> Path:
        """The bare repository."""
        return self.folder / "chaos.git"

    @property
    def work(self) -> Path:
        """A person's clone of it."""
        return self.folder / "work"

    @property
    def portal(self) -> Portal:
        """The public API."""
        return Portal(self.base, self.token)

    def project(self, path: str) -> str:
        """Return a path of the project's API."""
        return f"/projects/{PROJECT}{path}"

    def kubernetes(self) -> KubernetesApi:
        """Return the cluster as its administrator."""
        return open_kubernetes(str(self.kubeconfig))

    def start_kubernetes(self) -> str:
        """Use the cluster of KUBECONFIG, or start the API double; either way the operator's stand-in comes along.

        The stand-in acts in the demo's own namespace alone, and plays the workloads' controllers only where none runs.
        """
        if self.embedded:
            self.parts.enter_context(ApiServer()).kubeconfig(self.kubeconfig)
        bare = not _has_controllers(self.kubernetes())
        self.parts.callback(self._tidy)
        self.parts.enter_context(Operator(self.kubeconfig, rollouts=bare, namespace=manifests.NAMESPACE))
        return "embedded API double" if self.embedded else "the cluster of KUBECONFIG"

    def _tidy(self) -> None:
        """Leave a cluster of somebody's as it was, apart from the definitions of custom resources."""
        if self.embedded:
            return
        for resource, name in manifests.LEFTOVERS:
            with suppress(LitmusGitopsError):
                self.kubernetes().delete(resource, "", name)

    def admission(self) -> tuple[str, str | None]:
        """Return the webhook's address and, for a real API server, which wants https, the CA that vouches for it."""
        url = self.cluster["admission_url"]
        if self.embedded:
            return url, None
        certificates = make_certificates(self.folder / "tls")
        front = self.parts.enter_context(TlsFront(self.port, certificates))
        authority = base64.b64encode(certificates.ca.read_bytes()).decode()
        return url.replace(self.base, front.url), authority

    def start_portal(self) -> None:
        """Start every function in one process, as `make run` does."""
        environment = {"PORT": str(self.port), "DATA_DIR": str(self.folder / "data"), "ADMIN_TOKEN": self.token}
        child = Child("the portal", ["-m", "infra.local"], environment, self.folder / "portal.log")
        self.parts.enter_context(child).wait_until_ready(f"{self.base}/readyz")

    def start_subscriber(self) -> None:
        """Start the cluster's subscriber on functions-framework, in a process of its own."""
        environment = {
            "CLUSTER_ID": CLUSTER,
            "PORTAL_URL": self.base,
            "SUBSCRIBER_SECRET": self.cluster["subscriber_secret"],
            "SUBSCRIBER_NAMESPACE": manifests.SYSTEM,
            "KUBECONFIG": str(self.kubeconfig),
            "POLL": "false",
            "HEARTBEAT_SECONDS": "2",
        }
        source = str(ROOT / "functions" / "subscriber" / "main.py")
        arguments = ["-m", "functions_framework", "--target", "subscriber", "--source", source]
        arguments += ["--host", "127.0.0.1", "--port", str(self.subscriber_port)]
        child = Child("the subscriber", arguments, environment, self.folder / "subscriber.log")
        self.subscriber = self.parts.enter_context(child)
        self.subscriber.wait_until_ready(f"http://127.0.0.1:{self.subscriber_port}/healthz")

    def git(self, *arguments: str, at: Path | None = None) -> str:
        """Run git as the demo's person and return what it printed."""
        person = ["-c", "user.name=demo", "-c", "user.email=demo@example.org"]
        done = subprocess.run(  # noqa: S603 - git with our own arguments
            [shutil.which("git") or "git", *person, *arguments],
            cwd=at or self.work,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """Return what `look` finds once it finds something; `RuntimeError` names what was waited for in vain."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(_PAUSE)
        raise RuntimeError(f"waited {self.patience:.0f} s for {what}")

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the newest ledger rows of a kind."""
        return list(self.portal.items(self.project("/events"), 50, kind=kind))
