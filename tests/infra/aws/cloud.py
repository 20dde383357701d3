"""What AWS does around the functions, with moto's server for its state: routes, wakes by SQS, ticks by Scheduler."""

from __future__ import annotations

import itertools
import json
import runpy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra import bundling
from infra.deployments import AWS, ROOT
from infra.local.environment import applied
from infra.local.gateway import function_of
from shared.clients.dynamodb.layout import queue_name
from tests.aws import Double, client, create, double
from tests.infra.aws import events
from tests.infra.outside import MASTER_KEY, OWNER, Cloud

FUNCTIONS = bundling.names(AWS)
TABLES = (f"loop-{number}" for number in itertools.count())


class Invoked(Protocol):
    """Functions that are called with an event; `None` is what a call without an answer gives."""

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any: ...


@dataclass
class InProcess:
    """Functions that `lambda_entry.py` loads into this process, each at its first call, or `anew` at each."""

    environment: Mapping[str, str]
    anew: bool = False
    handlers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call; what goes in and comes out passes through JSON, as between Lambda and its runtime."""
        handler = (None if self.anew else self.handlers.get(function)) or self._started(function)
        answer = handler(json.loads(json.dumps(event)), events.Context())
        return json.loads(json.dumps(answer))

    def _started(self, function: str) -> Any:
        source = str(bundling.FUNCTIONS / function / "main.py")
        with applied({**self.environment, "FUNCTION_TARGET": function, "FUNCTION_SOURCE": source}):
            module = runpy.run_path(str(ROOT / "infra" / "aws" / "lambda_entry.py"))
        self.handlers[function] = module["handler"]
        return module["handler"]


def furnished(at: Double | None = None) -> dict[str, str]:
    """Make a table, its queues and the deployment's own secrets; return the functions' environment."""
    table, at = next(TABLES), at or double("moto")
    create(at, table, FUNCTIONS)
    secrets = client(at, "secretsmanager")
    for name, text in (("master-key", MASTER_KEY), ("admin-token", OWNER)):
        secrets.create_secret(Name=f"{table}/{name}", SecretString=text)
    return at.variables | {
        "STORE_URL": f"dynamodb:{table}",
        "MASTER_KEY": f"aws-sm:{table}/master-key",
        "ADMIN_TOKEN": f"aws-sm:{table}/admin-token",
        "PUBLIC_URL": f"https://{events.HOST}",
        "ALLOW_LOCAL": "true",
    }


@dataclass
class Amazon(Cloud):
    """One deployment, seen from outside. SQS delivers each record `times` times, as it may at any time.

    `counts` has what AWS bills besides the calls that functions make themselves.
    """

    environment: dict[str, str]
    invoke: Invoked
    at: Double
    batch: int = 5
    times: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def table(self) -> str:
        return self.environment["STORE_URL"].partition(":")[2]

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request through the gateway; return status and body, decoded where it is JSON."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        self.counts["gateway"] += 1
        answer = self._invoke(function_of(path.partition("?")[0]), events.request(method, path, sent, named))
        media, text = answer["headers"].get("content-type", ""), answer["body"]
        return answer["statusCode"], json.loads(text) if "json" in media and text else text

    def tick(self) -> None:
        """Have Scheduler's time come."""
        self.counts["ticks"] += 1
        assert self._invoke("reconcile", events.TICK) is None

    def work(self) -> int:
        """Do what event source mappings do until no queue has anything visible; return how many rounds that took."""
        return sum(1 for _ in iter(lambda: sum(self.poll(function) for function in FUNCTIONS), 0))

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        self.counts["invocations"] += 1
        return self.invoke(function, event)

    def poll(self, function: str) -> int:
        """Hand one batch to its function and delete what it does not want again; return how many records that was."""
        sqs, queue = client(self.at, "sqs"), queue_name(self.table, function)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=self.batch).get("Messages", [])
        if found:
            self.counts["receipts"] += 2  # it is one request to receive a batch, and one to delete it
            answers = [self._invoke(function, events.batch(found, queue)) for _ in range(self.times)]
            kept = {one["itemIdentifier"] for one in answers[-1]["batchItemFailures"]}
            for message in found:
                if message["MessageId"] not in kept:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)
