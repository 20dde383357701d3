"""The whole loop as the outside drives it: a push, reviews, an order taken, a report; every step until it is answered.

What was not answered is sent again, as a person redelivers a push and a subscriber repeats a report.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import urllib3

from shared.rules.keys import subscriber_key, token
from shared.wire import standard_webhooks
from tests.gitserver import Clone, git

REVIEWS = Path(__file__).parents[1] / "deliveries" / "admission"
OWNER, SECRET, CLUSTER = "owner", "hook-secret", "c1"
WORKFLOW_ID = "7c1f6f2e-8a0f-4e3f-9b1d-0a5c9d6e2f10"
SECONDS = 40.0
MANIFEST = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: web
  namespace: litmus
  labels: {{workflow_id: {WORKFLOW_ID}}}
spec:
  entrypoint: a
  templates:
  - name: a
    container: {{image: busybox}}
"""


def until(holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Subscriber:
    """A cluster's subscriber as far as the portal can tell: it takes each order once and reports its end."""

    def __init__(self, portal: str, key: Callable[[], bytes]) -> None:
        self.orders: list[str] = []
        self._portal, self._key = portal, key
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(take(order["order"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/orders"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, order: str) -> int:
        known = order in self.orders
        self.orders.append(order)
        if not known:
            threading.Thread(target=self._report, args=(order,), daemon=True).start()
        return 200 if known else 202

    def _report(self, order: str) -> None:
        """Repeat the report until it is acknowledged, wherever the portal is by then."""
        deadline = time.monotonic() + SECONDS
        while not self._told(order) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _told(self, order: str) -> bool:
        ended = {
            "state": "completed",
            "phase": "Succeeded",
            "verdict": "Pass",
            "message": "",
            "at": "2026-01-01T00:00:00Z",
        }
        body = json.dumps({"order": order, "run": order, "faults": [], **ended}).encode()
        signed = standard_webhooks.sign(self._key(), f"{order}-end", int(time.time()), body)
        return send("POST", f"{self._portal}/reports/{CLUSTER}", body, **signed) in range(200, 300)


class Loop:
    """One portal, its repository and its cluster; `drive` goes on from wherever it was interrupted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.subscriber = Subscriber(self.base, lambda: subscriber_key(self._master(), CLUSTER, 1))
        self._left = [self._project, self._gitops, self._cluster, self._push, self._watch, self._change]
        git("init", "-q", "--bare", "-b", "main", str(folder / "chaos.git"))
        git("clone", "-q", str(folder / "chaos.git"), str(folder / "work"))
        clone = Clone(folder / "work")
        clone.write("README.md", "x\n")
        clone.push()
        clone.write("litmus/shop/web.yaml", MANIFEST)
        self.head = clone.push

    def drive(self, interrupted: Callable[[], bool]) -> None:
        """Do what is left, each step until it is answered; return early once interrupted."""
        deadline = time.monotonic() + SECONDS
        while self._left and not interrupted():
            assert time.monotonic() < deadline, f"{self._left[0].__name__} is not answered"
            if self._left[0]():
                self._left.pop(0)
            else:
                time.sleep(0.05)

    def ready(self) -> bool:
        """Whether the portal serves."""
        return send("GET", f"{self.base}/readyz") == 200

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a list of the project; none while nobody answers."""
        try:
            answer = urllib3.request("GET", f"{self.base}/api/projects/shop/{path}", headers=_owner(), retries=False)
        except urllib3.exceptions.HTTPError:
            return []
        found: list[dict[str, Any]] = answer.json()["items"] if answer.status == 200 else []
        return found

    def _api(self, method: str, path: str, body: object) -> bool:
        return send(method, f"{self.base}/api/projects{path}", json.dumps(body).encode(), **_owner()) in {200, 201, 409}

    def _project(self) -> bool:
        return self._api("POST", "", {"id": "shop", "name": "Shop"})

    def _gitops(self) -> bool:
        (self.folder / "data" / "secrets" / "hook").write_text(SECRET)
        settings = {"repo_url": f"file://{self.folder}/chaos.git", "webhook_secrets": ["file:hook"], "mode": "enforce"}
        return self._api("PUT", "/shop/gitops", settings)

    def _cluster(self) -> bool:
        return self._api(
            "POST", "/shop/clusters", {"id": CLUSTER, "name": CLUSTER, "subscriber_url": self.subscriber.url}
        )

    def _push(self) -> bool:
        after = self.head("Add web.")
        body = json.dumps({"ref": "refs/heads/main", "before": "0" * 40, "after": after}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": after, "X-Hub-Signature-256": signature}
        return send("POST", f"{self.base}/git/shop", body, **headers) == 202

    def _watch(self) -> bool:
        return self._review("deployment-create")

    def _change(self) -> bool:
        return self._review("deployment-image")

    def _review(self, name: str) -> bool:
        path = f"/admission/{CLUSTER}/{token(self._master(), 'admission', CLUSTER, 1)}"
        return send("POST", self.base + path, (REVIEWS / f"{name}.json").read_bytes()) == 200

    def _master(self) -> bytes:
        return bytes.fromhex((self.folder / "data" / "keys" / "master").read_text())


def send(method: str, url: str, body: bytes | None = None, **headers: str) -> int:
    """Return the status of one request, 0 if nobody answered."""
    try:
        named = {"Content-Type": "application/json", **headers}
        return urllib3.request(method, url, body=body, headers=named, retries=False, timeout=10).status
    except urllib3.exceptions.HTTPError:
        return 0


def _owner() -> dict[str, str]:
    return {"Authorization": f"Bearer {OWNER}"}
