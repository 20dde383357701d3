"""What goes between a subscriber and its portal, each way signed with the key that both derive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.errors import BadInput, Conflict, Gone, Invalid, LitmusGitopsError, NotFound, Unauthenticated, Unavailable
from shared.model.calls import Answer
from shared.model.heartbeats import Asked, Heartbeat, SeenWorkload
from shared.model.orders import Order, Target
from shared.model.runs import Report
from shared.model.traces import NAME, valid
from shared.ports.ambient import Clock, Ids
from shared.ports.peers import PortalApi
from shared.rules.sealing import MOST_KEYS
from shared.rules.tracing import traceparent
from shared.services.ledger import stamp
from shared.wire.keys import check_key
from shared.wire.orders import read_order
from shared.wire.reports import write_heartbeat, write_report
from shared.wire.standard_webhooks import sign, verify

VERSION: Final = "0.1.0"
CAPABILITIES: Final = ("prove", "run", "install", "remove", "stop")
_LONG_POLL: Final = 25
_JSON: Final = {"content-type": "application/json"}
_NONE: Final[Mapping[str, str]] = {}
_REFUSALS: Final[dict[int, type[LitmusGitopsError]]] = {
    401: Unauthenticated,
    403: Unauthenticated,
    404: NotFound,
    409: Conflict,
    410: Gone,
}


class _Wanted(msgspec.Struct, frozen=True):
    send: list[Target] = []
    plain: tuple[str, ...] | None = None
    moved: tuple[str, ...] = ()


@dataclass(slots=True)
class Asks:
    """The keys that the portal's last answer to a heartbeat asked for; None before it, and where it knows no seals."""

    last: Asked | None = None


@dataclass(frozen=True, slots=True)
class Letters:
    """Writes to the portal for one cluster; `key` is the newest of the subscriber's keys."""

    portal: PortalApi
    cluster: str
    key: bytes
    clock: Clock
    ids: Ids
    asks: Asks = field(default_factory=Asks)

    def report(self, report: Report, parent: str = "") -> None:
        """Deliver a report, in the trace that its order bears (`parent`).

        Returns once it is acknowledged, raises `Unavailable` or why it was refused.
        """
        trace = {NAME: traceparent(report.run, f"{report.run}/{report.state}", valid(parent))}
        self._send("POST", f"/reports/{self.cluster}", write_report(report), more=trace)

    def heartbeat(self, workloads: Sequence[SeenWorkload] = (), kinds: Sequence[str] = ()) -> list[Target]:
        """Tell the portal that this cluster's subscriber is alive, and what it sees of `kinds`, which it listed whole.

        Returns the workloads that the portal wants to see.
        """
        told = Heartbeat(stamp(self.clock), VERSION, CAPABILITIES, tuple(workloads), tuple(kinds))
        answer = self._send("POST", f"/reports/{self.cluster}", write_heartbeat(told))
        wanted = _wanted(answer.body)
        self.asks.last = None if wanted.plain is None else Asked(_usable(wanted.plain), _usable(wanted.moved))
        return wanted.send

    def alive(self) -> None:
        """Tell the portal no more than that this cluster's subscriber is alive."""
        self.heartbeat()

    def show(self, body: bytes) -> None:
        """Send written sightings: returns once they are taken, raises `BadInput` for what the portal never takes."""
        self._send("POST", f"/changes/{self.cluster}", body)

    def orders(self, wait: int = _LONG_POLL) -> list[Order]:
        """Return the orders that wait for this cluster, after at most `wait` seconds.

        The answer bears a signature as orders do, over the id of this very question.
        """
        asked = self.ids()
        answer = self._send("GET", f"/orders/{self.cluster}?wait={wait}", b"", asked, wait + 10.0)
        body = answer.body if isinstance(answer.body, bytes) else b""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if verify([self.key], headers, body, self.clock().timestamp()) != asked:
            raise Unauthenticated("the portal's list of orders answers another question than ours")
        return _orders(body)

    def _send(  # noqa: PLR0913, PLR0917 - a request's parts
        self,
        method: str,
        path: str,
        body: bytes,
        message: str = "",
        seconds: float = 10.0,
        more: Mapping[str, str] = _NONE,
    ) -> Answer:
        now = int(self.clock().timestamp())
        headers = sign(self.key, message or self.ids(), now, body) | (_JSON if body else {}) | dict(more)
        answer = self.portal(method, path, headers, body, seconds)
        if answer.status >= 300:  # noqa: PLR2004 - the first status that is no success
            raise _refused(answer.status, path.partition("?")[0])
        return answer


def _wanted(body: object) -> _Wanted:
    """Return what the answer to a heartbeat asks for; that of an older portal asks for nothing."""
    try:
        return msgspec.json.decode(body if isinstance(body, bytes) else b"", type=_Wanted)
    except msgspec.DecodeError as error:
        raise BadInput(f"the portal's answer to a heartbeat cannot be read: {error}") from error


def _usable(keys: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that can be evaluated here, at most `MOST_KEYS`: a later portal may know others."""
    return tuple(filter(_is_key, keys[:MOST_KEYS]))


def _is_key(text: str) -> bool:
    try:
        check_key(text)
    except Invalid:
        return False
    return True


def _orders(body: bytes) -> list[Order]:
    try:
        found = msgspec.json.decode(body, type=dict[str, list[msgspec.Raw]])
    except msgspec.DecodeError as error:
        raise BadInput(f"the portal's list of orders cannot be read: {error}") from error
    return [read_order(bytes(one)) for one in found.get("items", [])]


def _refused(status: int, path: str) -> LitmusGitopsError:
    sentence = f"the portal answered {status} for {path}"
    if status in {400, 413, 415, 422}:
        return BadInput(sentence)
    return _REFUSALS.get(status, Unavailable)(sentence)
