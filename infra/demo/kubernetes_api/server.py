"""Starts and stops the API in a thread of this process."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn
import yaml

from infra.demo.kubernetes_api.app import Api
from infra.demo.kubernetes_api.audit import AuditSink
from infra.demo.kubernetes_api.calls import User
from infra.demo.kubernetes_api.documents import second
from infra.demo.kubernetes_api.storage import Key, Storage

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

ADMIN = User("admin", "admin", ("system:masters", "system:authenticated"))
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
START_SECONDS = 10.0


class ApiServer:
    """A Kubernetes API on a free loopback port, for as long as the `with` block lasts.

    What it answers, it answers as kube-apiserver 1.36 does: `tests/kubernetes_conformance` holds both to the same
    claims. What it leaves out: validation and pruning by schemas, CEL (`matchConditions` are ignored), authorization
    (impersonation works), mutating webhooks and webhooks reached through a Service, watch bookmarks, tables and
    protobuf. It has no controllers; a deleted namespace or definition takes its objects along at once. Only here may
    a webhook be called over plain http, and audit events are of Deployments, StatefulSets and DaemonSets alone.

    Args:
        history: how many writes a watch can look back; an older resourceVersion is answered 410.
        audit_url: where batches of audit events about workloads go; `send_audit_to` can name it later.
    """

    def __init__(self, *, history: int = 1000, audit_url: str | None = None) -> None:
        self.token = secrets.token_urlsafe(24)
        self._storage = Storage(history)
        self._api = Api(self._storage, {self.token: ADMIN})
        self._audit_url = audit_url
        config = uvicorn.Config(self._api.app, lifespan="off", ws="none", log_config=None, access_log=False)
        config.timeout_graceful_shutdown = 2
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig for the administrator, who may also impersonate anyone, and return its path."""
        name = "double"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def send_audit_to(self, url: str, ca: Path | None = None) -> None:
        """Send audit events about workloads to `url` from now on; `ca` vouches for an https receiver."""
        if self._api.audit is not None:
            self._api.audit.close()
        self._api.audit = AuditSink(url, ca=ca)

    def __enter__(self) -> Self:
        # asyncio sets TCP_NODELAY only where the protocol is named, and without it each answer waits some 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._seed()
        if self._audit_url:
            self.send_audit_to(self._audit_url)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="kubernetes-api")
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def _seed(self) -> None:
        for name in NAMESPACES:
            meta = {"name": name, "creationTimestamp": second(), "labels": {"kubernetes.io/metadata.name": name}}
            body = {
                "kind": "Namespace",
                "apiVersion": "v1",
                "metadata": meta,
                "spec": {},
                "status": {"phase": "Active"},
            }
            self._storage.write(Key("namespaces", "", name), body, "")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._api.end_watches()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._api.close()
