"""Deliveries as git hosts send them: a fixture's place and name give its headers, a secret its signature.

`deliveries/<speaker>/<event>__<case>.json`; nothing here is the product's own code.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_bWFkZSB1cCBmb3IgdGVzdHMgb25seQ=="  # gitleaks:allow
STRANGER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="  # gitleaks:allow
FOLDER = Path(__file__).parent / "deliveries"
SPEAKERS = ("github", "gitlab", "git_hook")


@dataclass(frozen=True)
class Fixture:
    """One recorded body."""

    speaker: str
    event: str
    case: str
    body: bytes

    def headers(self, delivery: str, secret: str = SECRET, body: bytes | None = None) -> dict[str, str]:
        """The headers that this body, or another one in its place, is sent with."""
        return headers(self.speaker, self.event, delivery, self.body if body is None else body, secret)


def fixture(name: str) -> Fixture:
    """Return a fixture by its name, `<speaker>/<event>__<case>`."""
    speaker, _, rest = name.partition("/")
    event, _, case = rest.partition("__")
    return Fixture(speaker, event, case, (FOLDER / f"{name}.json").read_bytes())


def names() -> list[str]:
    """Return the names of all fixtures of pushes."""
    found = (path for speaker in SPEAKERS for path in sorted((FOLDER / speaker).glob("*.json")))
    return [f"{path.parent.name}/{path.stem}" for path in found]


def headers(speaker: str, event: str, delivery: str, body: bytes, secret: str) -> dict[str, str]:
    """Return a host's headers for a body."""
    of = {"github": _github, "gitlab": _gitlab, "git_hook": _git_hook}[speaker]
    return {"Content-Type": "application/json", **of(event, delivery, body, secret)}


def standard(delivery: str, body: bytes, secret: str, at: datetime | None = None) -> dict[str, str]:
    """Return the headers of Standard Webhooks, made by their reference implementation."""
    moment = at or datetime.now(UTC)
    signature = Webhook(secret).sign(delivery, moment, body.decode("utf-8"))
    timestamp = str(int(moment.timestamp()))
    return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signature}


def _github(event: str, delivery: str, body: bytes, secret: str) -> Mapping[str, str]:
    return {
        "User-Agent": "GitHub-Hookshot/3c1a2b4",
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": "498201733",
        "X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def _gitlab(event: str, delivery: str, _: bytes, secret: str) -> Mapping[str, str]:
    return {
        "User-Agent": "GitLab/19.2.1",
        "Idempotency-Key": delivery,
        "X-Gitlab-Event": event.replace("_", " ").title(),
        "X-Gitlab-Event-UUID": "7d0b6a2e-5c0c-4a0f-9d35-0f6c5c7f3a11",
        "X-Gitlab-Instance": "https://gitlab.example.com",
        "X-Gitlab-Token": secret,
        "webhook-id": delivery,
        "webhook-timestamp": str(int(datetime.now(UTC).timestamp())),
    }


def _git_hook(_: str, delivery: str, body: bytes, secret: str) -> Mapping[str, str]:
    return standard(delivery, body, secret)
