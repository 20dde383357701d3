"""Every function as Lambda's handlers in one process, with what AWS does around them, in trouble and to be killed.

Routes, wakes by SQS (one record a call, some twice, some not deleted afterwards), and ticks. Requests to DynamoDB and
SQS meet faults. A call ends within seconds here, so that what a killed one held comes again soon.
"""

from __future__ import annotations

import base64
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import botocore.session

from infra import bundling
from infra.aws.entry import Entry, load
from infra.deployments import AWS
from infra.local.gateway import function_of
from shared.clients.dynamodb import connected, silence
from shared.clients.dynamodb.layout import queue_name
from shared.services import deadlines
from tests.aws_faults import Faults, by_chance
from tests.infra.aws import events

WOKEN: Final = ("announce", "dispatch", "dispatch", "dispatch", "reconcile", "sync", "workload_admission")
"""The functions that messages are for: so many instances of each wait for them."""
LEFT: Final = 3.0
SHARE: Final = 0.02
READY: Final[dict[str, Any]] = {"statusCode": 200, "body": ""}
_IDLE: Final = 0.1
_AFTER_ERROR: Final = 0.5

silence.DUE_FOR = 3.0  # type: ignore[misc] # two minutes of an operator's are too long for a test's patience
deadlines.LONGEST = 30.0  # type: ignore[misc] # a double is slower than AWS, and what nobody waits for dies with a kill


class Lambdas:
    """The functions of one deployment, as AWS calls them."""

    def __init__(self, table: str, chance: random.Random) -> None:
        self._entries: dict[str, Entry] = {
            name: load(name, bundling.FUNCTIONS / name / "main.py") for name in bundling.names(AWS)
        }
        self._table, self._chance = table, chance
        self._sqs: Any = botocore.session.get_session().create_client("sqs")

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer a request through the gateway."""
        answered = self._entries[function_of(event["rawPath"])].handle(event, events.Context(LEFT))
        assert answered is not None
        return answered

    def tick(self) -> None:
        """Have the schedule's time come."""
        self._entries["reconcile"].handle(events.TICK, events.Context(LEFT))
        time.sleep(1)

    def polling(self, function: str) -> Callable[[], None]:
        """Return what hands one record to its function, twice at times, and deletes it if it is not to come again."""
        name = queue_name(self._table, function)
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]

        def poll() -> None:
            found = self._sqs.receive_message(QueueUrl=url).get("Messages", [])
            for _ in found * (2 if self._chance.random() < SHARE else 1):
                answer = self._entries[function].handle(events.batch(found, name), events.Context(LEFT))
            if found and answer == {"batchItemFailures": []} and self._chance.random() > SHARE:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            time.sleep(0 if found else _IDLE)

        return poll


def forever(do: Callable[[], None]) -> None:
    """Do it again and again, whatever comes of it."""
    while True:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - Lambda calls again whatever a call ended with
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            time.sleep(_AFTER_ERROR)


def handler(lambdas: Lambdas) -> type[BaseHTTPRequestHandler]:
    """Return the gateway."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            event = events.request(self.command, self.path, body, dict(self.headers.items()))
            answer = READY if self.path == "/readyz" else lambdas.answer(event)
            text = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
            self.send_response(answer["statusCode"])
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def main() -> None:
    """Serve on PORT, with the trouble that follows from TROUBLE, on the double that DOUBLE names."""
    seed, table = int(os.environ["TROUBLE"]), os.environ["STORE_URL"].partition(":")[2]
    chance = random.Random(seed + os.getpid())  # noqa: S311 - no secret hangs on it
    lambdas = Lambdas(table, chance)
    with Faults(connected(table)).amid(by_chance(chance.randrange(1 << 30), SHARE, os.environ["DOUBLE"])):
        for do in (lambdas.tick, *map(lambdas.polling, WOKEN)):
            threading.Thread(target=forever, args=(do,), daemon=True).start()
        ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), handler(lambdas)).serve_forever()


if __name__ == "__main__":
    main()
