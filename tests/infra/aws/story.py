"""The main loop as those outside live it: a git host, an API server and a subscriber that asks for its orders."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.clients.ids import new_id
from shared.wire import standard_webhooks
from tests.aws import client
from tests.gitserver import Clone, GitServer
from tests.infra.aws.cloud import Cloud
from tests.infra.loop import MANIFEST

REVIEWS = Path(__file__).parents[2] / "deliveries" / "admission"
PROJECTS = "litmus-gitops-projects/"
SECRET = "hook-secret"
LOGIN = "ada:a-token"
CLUSTER = "c1"
AT = "2026-11-25T12:00:00Z"
FAULT = {"name": "pod-delete", "verdict": "Pass", "probe_success_percentage": 75, "weight": 10, "measured": True}


@dataclass
class Story:
    """One project with its repository and its cluster, on one cloud."""

    cloud: Cloud
    server: GitServer
    clone: Clone
    key: bytes = b""
    admission: str = ""

    def begin(self) -> None:
        """Make the project and its cluster, with secrets that are references."""
        secrets, own = client(self.cloud.at, "secretsmanager"), self.cloud.table
        secrets.create_secret(Name=f"{PROJECTS}{own}-hook", SecretString=SECRET)
        secrets.create_secret(Name=f"{PROJECTS}{own}-git", SecretString=json.dumps({"login": LOGIN}))
        self.cloud.api("POST", "", {"id": "shop", "name": "Shop"})
        gitops = {"enabled": True, "repo_url": f"{self.server.url}/chaos.git", "mode": "enforce"}
        named = {"webhook_secrets": [f"aws-sm:{own}-hook"], "credential": f"aws-sm:{own}-git#login"}
        self.cloud.api("PUT", "/shop/gitops", gitops | named)
        self.register("execute-api.eu-central-1.amazonaws.com")

    def register(self, host: str) -> None:
        """Register the cluster of a project whose addresses are at that host."""
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
