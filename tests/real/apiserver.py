"""A real Kubernetes API on loopback: etcd and kube-apiserver, without controllers, scheduler or kubelet."""

import json
import secrets
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.demo.certificates import Certificates, make_certificates
from tests.real.build import Binaries, built
from tests.real.processes import ReservedPort, Server

READY_SECONDS = 60.0
PROBE_SECONDS = 2.0
ISSUER = "https://kubernetes.default.svc"
EVERYTHING = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "RequestResponse"}],
}


@dataclass(frozen=True, slots=True)
class AuditWebhook:
    """Where the server sends its audit events, in batches, and which.

    `url` may carry a path; `ca` vouches for its certificate; `policy` is an audit.k8s.io/v1 Policy; a batch leaves
    after `max_wait_ms` milliseconds at the latest.
    """

    url: str
    ca: Path
    policy: Mapping[str, Any] | None = None
    max_wait_ms: int = 200


def write_kubeconfig(path: Path, url: str, ca: Path, token: str = "") -> Path:
    """A kubeconfig with one context, readable by its owner alone (JSON is YAML)."""
    name = "real"
    user = {"token": token} if token else {}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


class RealApiServer:
    """Context manager around both processes and their temporary folder.

    Inside it, `url`, `ca` and `token` (of an admin in system:masters) and `kubeconfig` say how to reach the API.
    RBAC decides; every default admission plugin is on; nothing reconciles what is written.
    """

    def __init__(
        self, *, audit: AuditWebhook | None = None, extra: Sequence[str] = (), binaries: Binaries | None = None
    ) -> None:
        self._audit = audit
        self._extra = tuple(extra)
        self._binaries = binaries
        self._exits = ExitStack()
        self.token = secrets.token_urlsafe(24)

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._exits.close()

    def kubeconfig_for(self, name: str, token: str) -> Path:
        """The kubeconfig of another user, for instance of a ServiceAccount whose token was requested."""
        return write_kubeconfig(self.folder / f"{name}.kubeconfig", self.url, self.ca, token)

    def log_end(self) -> str:
        """The last lines that kube-apiserver wrote."""
        return self._apiserver.log_end()

    def _start(self, exits: ExitStack) -> None:
        binaries = self._binaries or built()
        self.folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="kube-apiserver-")))
        certificates = make_certificates(self.folder / "tls")
        store = self._start_etcd(binaries.etcd, exits)
        port = self._reserve(exits)
        self.url, self.ca = f"https://127.0.0.1:{port}", certificates.ca
        self._trust = ssl.create_default_context(cafile=str(self.ca))
        flags = [*self._flags(port, store, certificates), *self._audit_flags(), *self._extra]
        self._apiserver = exits.enter_context(Server([binaries.apiserver, *flags], self.folder / "apiserver.log"))
        self.kubeconfig = self.kubeconfig_for("admin", self.token)
        self._apiserver.wait_until(self._ready, READY_SECONDS)

    def _reserve(self, exits: ExitStack) -> int:
        port = ReservedPort()
        exits.callback(port.close)
        return port.number

    def _start_etcd(self, etcd: Path, exits: ExitStack) -> str:
        clients, peers = (f"http://127.0.0.1:{self._reserve(exits)}" for _ in range(2))
        flags = {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "socket-reuse-port": "true",
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        server = exits.enter_context(Server([etcd, *_as_flags(flags)], self.folder / "etcd.log"))
        server.wait_until(lambda: _answers(f"{clients}/health"), READY_SECONDS)
        return clients

    def _flags(self, port: int, store: str, certificates: Certificates) -> list[str]:
        signer = make_certificates(self.folder / "service-accounts")
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{self.token},admin,admin,system:masters\n")
        flags = {
            "etcd-servers": store,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": port,
            "permit-port-sharing": "true",
            "endpoint-reconciler-type": "none",
            "tls-cert-file": certificates.certificate,
            "tls-private-key-file": certificates.key,
            "token-auth-file": tokens,
            "authorization-mode": "RBAC",
            "service-account-issuer": ISSUER,
            "service-account-key-file": signer.certificate,
            "service-account-signing-key-file": signer.key,
            "service-cluster-ip-range": "10.96.0.0/16",
        }
        return _as_flags(flags)

    def _audit_flags(self) -> list[str]:
        if self._audit is None:
            return []
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(self._audit.policy or EVERYTHING))
        flags = {
            "audit-policy-file": policy,
            "audit-webhook-config-file": write_kubeconfig(
                self.folder / "audit.kubeconfig", self._audit.url, self._audit.ca
            ),
            "audit-webhook-mode": "batch",
            "audit-webhook-batch-max-wait": f"{self._audit.max_wait_ms}ms",
            "audit-webhook-initial-backoff": "200ms",
        }
        return _as_flags(flags)

    def _ready(self) -> bool:
        """Readiness comes a moment before the first namespace, and tests may use that at once."""
        return self._serves("/readyz") and self._serves("/api/v1/namespaces/default")

    def _serves(self, path: str) -> bool:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})  # noqa: S310 - loopback
        return _answers(request, self._trust)


def _as_flags(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def _answers(url: str | urllib.request.Request, trust: ssl.SSLContext | None = None) -> bool:
    """Whether it says 200; refused, reset or any other status is a not-yet."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS, context=trust) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False
