"""`python -m infra.bench.fleet DATA COUNT PORTAL`: subscribers on loopback, each on a port of its own, in one process.

They verify orders and take each once, as the real one does; a proof is reported at once. The first line of the output
lists their ports; for each number that is read, a line follows once so many more orders have come: when the first and
when the last of them did, in seconds on the monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import urllib3

from infra.bench.processes import HOST
from shared.model.orders import Order
from shared.model.runs import Report
from shared.rules.keys import subscriber_key
from shared.wire.orders import read_order
from shared.wire.reports import write_report
from shared.wire.standard_webhooks import sign, verify

BACKLOG: Final = 1024
TAKEN: Final = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Fleet:
    """The subscribers of the clusters `c0`, `c1` and so on."""

    def __init__(self, master: bytes, count: int, portal: str) -> None:
        self._keys = [subscriber_key(master, f"c{number}", 1) for number in range(count)]
        self._portal = portal
        self._taken: dict[str, float] = {}
        self._came = asyncio.Event()

    async def serve(self) -> None:
        """Serve until nobody asks any more."""
        started = [
            await asyncio.start_server(partial(self._talk, number), HOST, 0, backlog=BACKLOG)
            for number in range(len(self._keys))
        ]
        _say([server.sockets[0].getsockname()[1] for server in started])
        while line := await asyncio.to_thread(sys.stdin.readline):
            while len(self._taken) < int(line):
                self._came.clear()
                await self._came.wait()
            _say([min(self._taken.values()), max(self._taken.values())])
            self._taken.clear()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = _headers(head)
                await self._take(number, headers, await reader.readexactly(int(headers["content-length"])))
                writer.write(TAKEN)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _take(self, number: int, headers: dict[str, str], body: bytes) -> None:
        verify([self._keys[number]], headers, body, time.time())
        order = read_order(body)
        if order.action == "prove":
            asyncio.get_running_loop().run_in_executor(None, self._prove, number, order)
            return
        self._taken.setdefault(order.order, time.monotonic())
        self._came.set()

    def _prove(self, number: int, order: Order) -> None:
        body = write_report(Report(order.order, order.order, "completed", _now()))
        signed = sign(self._keys[number], f"{order.order}-end", int(time.time()), body)
        answer = urllib3.request(
            "POST",
            f"{self._portal}/reports/c{number}",
            body=body,
            headers={"content-type": "application/json", **signed},
        )
        if answer.status != 200:  # noqa: PLR2004 - HTTP: done
            sys.stderr.write(f"the proof was answered {answer.status}: {answer.data!r}\n")


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines if name}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    data, size, url = sys.argv[1:]
    key = bytes.fromhex((Path(data) / "keys" / "master").read_text())
    asyncio.run(Fleet(key, int(size), url).serve())
