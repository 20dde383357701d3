"""What Google Cloud does around the functions: routes, pushes of Pub/Sub, ticks of Scheduler, with tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from infra import bundling
from infra.deployments import GCP
from infra.gcp.entry import MESSAGES, TICKS, load
from infra.local.environment import applied
from infra.local.gateway import as_wsgi, function_of
from tests.google import GoogleServer, claims, signing_key
from tests.infra.outside import LOGIN, MASTER_KEY, OWNER, SECRET, Cloud, Story

PREFIX = "projects/acme/topics/litmus"
PUBSUB, TIMER = "pubsub@acme.iam.gserviceaccount.com", "timer@acme.iam.gserviceaccount.com"
HOST = "chaos.example.org"


def furnished(folder: Path, store_url: str, google: GoogleServer) -> dict[str, str]:
    """Make the topics and what projects keep secret; return the functions' environment."""
    google.topics |= {f"{PREFIX}-{name}" for name in bundling.names(GCP)}
    google.unauthorized = True
    (folder / "secrets").mkdir()
    for name, text in (("hook", SECRET), ("git", LOGIN)):
        (folder / "secrets" / name).write_text(text)
    return {
        "DATA_DIR": str(folder),
        "STORE_URL": f"{store_url}&pubsub={PREFIX}",
        "PUBSUB_EMULATOR_HOST": google.host,
        "MASTER_KEY": MASTER_KEY,
        "ADMIN_TOKEN": OWNER,
        "PUBLIC_URL": f"https://{HOST}",
        "ALLOW_LOCAL": "true",
        "PUBSUB_ACCOUNT": PUBSUB,
        "SCHEDULER_ACCOUNT": TIMER,
    }


@dataclass
class Functions:
    """Each function behind its entry, loaded at its first call into this process."""

    environment: dict[str, str]
    google: GoogleServer
    clients: dict[str, Client] = field(default_factory=dict)

    def post(self, function: str, path: str, account: str, body: bytes = b"") -> int:
        """Post with the token of a service account, made out to that function."""
        token = signing_key("today").token(**claims(f"https://{function}.run.app", account))
        named = {"Authorization": f"Bearer {token}"}
        status: int = self(function, {"path": path, "method": "POST", "data": body, "headers": named}).status_code
        return status

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any:
        """Send a request to the function and return its answer."""
        return self._client(function).open(**event)

    def _client(self, function: str) -> Client:
        if function not in self.clients:
            told = self.environment | {"OIDC_AUDIENCE": f"https://{function}.run.app"}
            with applied(told):
                target = load(function, bundling.FUNCTIONS / function / "main.py", f"{self.google.url}/certs")
            self.clients[function] = Client(as_wsgi(target))
        return self.clients[function]


@dataclass
class GoogleCloud(Cloud):
    """One deployment, seen from outside. Pub/Sub pushes each message `times` times, as it may at any time."""

    environment: dict[str, str]
    functions: Functions
    times: int = 1
    waiting: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request by way of the load balancer; return status and body, decoded where it is JSON."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        event = {"path": path, "method": method, "data": sent, "headers": named}
        answer = self.functions(function_of(path.partition("?")[0]), event)
        return answer.status_code, json.loads(answer.text) if "json" in (answer.mimetype or "") else answer.text

    def tick(self) -> None:
        """Have Scheduler's time come."""
        assert self.functions.post("reconcile", TICKS, TIMER) == 204

    def work(self) -> int:
        """Push what was published, until all is taken or will be only later; return how many pushes that took."""
        pushed = 0
        while True:
            published = self.functions.google.ids
            self.waiting += published[self.seen :]
            self.seen = len(published)
            left = [one for one in self.waiting if not self._push(*one)]
            pushed += len(self.waiting)
            stuck = len(left) == len(self.waiting)
            self.waiting = left
            if stuck and self.seen == len(self.functions.google.ids):
                return pushed

    def _push(self, topic: str, message_id: str) -> bool:
        body = json.dumps({"message": {"data": base64.b64encode(message_id.encode()).decode()}}).encode()
        function = topic.partition("-")[2]
        answers = [self.functions.post(function, MESSAGES, PUBSUB, body) for _ in range(self.times)]
        return answers[-1] == 204


@dataclass
class GoogleStory(Story):
    """The story of one project on Google Cloud, whose secrets are in files."""

    cloud: GoogleCloud

    def begin(self) -> None:
        """Make the project and its cluster, with secrets that are references."""
        self.connect("file:hook", "file:git", HOST)
