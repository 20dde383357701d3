"""A deployment as those outside live it: its owner, a git host, an API server, and a subscriber that polls."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.clients.ids import new_id
from shared.wire import standard_webhooks
from tests.gitserver import Clone, GitServer
from tests.infra.loop import MANIFEST

REVIEWS = Path(__file__).parents[1] / "deliveries" / "admission"
MASTER_KEY = "5a" * 32
OWNER = "the-owners-token"
SECRET = "hook-secret"
LOGIN = "ada:a-token"
CLUSTER = "c1"
AT = "2026-11-25T12:00:00Z"
FAULT = {"name": "pod-delete", "verdict": "Pass", "probe_success_percentage": 75, "weight": 10, "measured": True}


class Cloud(ABC):
    """What stands around the functions: the way of requests, what wakes them for messages, and the time."""

    @abstractmethod
    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request by the deployment's own address; return status and body, decoded where it is JSON."""

    @abstractmethod
    def tick(self) -> None:
        """Have the timer's time come."""

    @abstractmethod
    def work(self) -> int:
        """Wake the functions for all that waits, until nothing does; return how often that took something."""

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the owner; return what it answers, which must be a success."""
        status, answer = self.request(method, f"/api/projects{path}", body, authorization=f"Bearer {OWNER}")
        assert status in range(200, 300), answer
        return answer

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return a list of the project's."""
        found: list[dict[str, Any]] = self.api("GET", f"/shop/{path}")["items"]
        return found


@dataclass
class Story:
    """One project with its repository and its cluster, on one cloud."""

    cloud: Cloud
    server: GitServer
    clone: Clone
    key: bytes = b""
    admission: str = ""

    def connect(self, hook: str, credential: str, host: str) -> None:
        """Make the project, whose secrets are these references, and its cluster, whose addresses are at that host."""
        self.cloud.api("POST", "", {"id": "shop", "name": "Shop"})
        gitops = {"enabled": True, "repo_url": f"{self.server.url}/chaos.git", "mode": "enforce"}
        self.cloud.api("PUT", "/shop/gitops", gitops | {"webhook_secrets": [hook], "credential": credential})
        made = self.cloud.api("POST", "/shop/clusters", {"id": CLUSTER, "name": CLUSTER})
        self.key = standard_webhooks.key_of(made["subscriber_secret"])
        self.admission = made["admission_url"].partition(host)[2]

    def push(self, path: str = "litmus/shop/web.yaml", text: str = MANIFEST) -> str:
        """Push a file; return the commit."""
        self.clone.write(path, text)
        return self.clone.push()

    def deliver(self, after: str) -> tuple[int, Any]:
        """Have the git host tell of a push."""
        body = json.dumps({"ref": "refs/heads/main", "before": "0" * 40, "after": after}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        named = {"x_github_event": "push", "x_github_delivery": after, "x_hub_signature_256": signature}
        return self.cloud.request("POST", "/git/shop", body, **named)

    def review(self, name: str) -> tuple[int, Any]:
        """Have the API server ask for a review, as it was recorded."""
        return self.cloud.request("POST", self.admission, (REVIEWS / f"{name}.json").read_bytes())

    def change(self, number: int) -> tuple[int, Any]:
        """Have the API server ask about another image of the deployment; each number is a change of its own."""
        review = json.loads((REVIEWS / "deployment-image.json").read_bytes())
        request = review["request"]
        request["uid"] = f"c9b4fa1e-c1b3-4777-aa51-{number:012}"
        for side, version in (("oldObject", number - 1), ("object", number)):
            request[side]["metadata"]["generation"] = 100 + version
            request[side]["spec"]["template"]["spec"]["containers"][0]["image"] = f"nginx:1.25.{100 + version}"
        return self.cloud.request("POST", self.admission, json.dumps(review).encode())

    def orders(self, wait: int = 0) -> list[dict[str, Any]]:
        """Ask for orders as the subscriber does."""
        signed = standard_webhooks.sign(self.key, new_id(), int(time.time()), b"")
        status, answer = self.cloud.request("GET", f"/orders/{CLUSTER}?wait={wait}", None, **_named(signed))
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["items"]
        return found

    def report(self, order: str, state: str, **fields: Any) -> None:
        """Report of a run."""
        at = {"at": AT, "phase": "", "verdict": "", "message": "", "faults": []}
        self._say({"order": order, "run": order, "state": state} | at | fields)

    def carry_out(self) -> str:
        """Have the order of the last change made, take it, report of its run to the end, and return its id."""
        self.cloud.work()
        [order] = self.orders()
        for state in ("running", "completed"):
            self.report(order["order"], state, verdict="Pass", phase="Succeeded", faults=[FAULT])
        self.cloud.work()
        name: str = order["order"]
        return name

    def beat(self) -> None:
        """Say that the subscriber is alive."""
        self._say({"heartbeat": {"at": AT}})

    def _say(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        signed = standard_webhooks.sign(self.key, new_id(), int(time.time()), body)
        status, answer = self.cloud.request("POST", f"/reports/{CLUSTER}", body, **_named(signed))
        assert status == 200, answer


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): text for name, text in headers.items()}
