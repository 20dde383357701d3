"""SQS as an alarm clock: whoever is woken with a message's id claims it from the table."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from shared.clients.dynamodb.layout import queue_name

_log = logging.getLogger("litmus_gitops.alarms")

LONGEST_DELAY: Final = 900
"""Seconds that SQS can hold back what it is sent; who is woken too early has it hidden until it is time."""
_BATCH: Final = 10


@dataclass(frozen=True, slots=True)
class Alarm:
    """Wake a function for a message, in so many seconds."""

    function: str
    message_id: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Alarms:
    """Sends alarms to the queues `<table>-<function>`.

    What cannot be sent is logged and left: the message is in the table, and `Store.tidy` sets its alarm again.
    """

    client: Any
    table: str
    _urls: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def set(self, alarms: Iterable[Alarm]) -> list[Alarm]:
        """Send all of them in as few requests as possible; return those that SQS took."""
        by_function: dict[str, list[Alarm]] = {}
        for alarm in alarms:
            by_function.setdefault(alarm.function, []).append(alarm)
        batches = ((function, batch) for function, of_it in by_function.items() for batch in _batches(of_it))
        return [taken for function, batch in batches for taken in self._send(function, batch)]

    def _send(self, function: str, batch: Sequence[Alarm]) -> list[Alarm]:
        entries = [
            {"Id": str(place), "MessageBody": alarm.message_id, "DelaySeconds": _delay(alarm.seconds)}
            for place, alarm in enumerate(batch)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=self._url(function), Entries=entries)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%d messages of %s wait for the next tidying: %s", len(batch), function, error)
            return []
        for failed in answer.get("Failed", []):
            left = batch[int(failed["Id"])].message_id
            _log.warning("message %s of %s waits for the next tidying: %s", left, function, failed.get("Code"))
        return [batch[int(taken["Id"])] for taken in answer.get("Successful", [])]

    def _url(self, function: str) -> str:
        with self._lock:
            known = self._urls.get(function)
        if known is None:
            known = self.client.get_queue_url(QueueName=queue_name(self.table, function))["QueueUrl"]
            with self._lock:
                self._urls[function] = known
        return known


def _delay(seconds: float) -> int:
    return min(max(math.ceil(seconds), 0), LONGEST_DELAY)


def _batches(alarms: list[Alarm]) -> Iterator[list[Alarm]]:
    left = iter(alarms)
    while batch := list(islice(left, _BATCH)):
        yield batch
