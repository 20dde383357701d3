"""An order's record: a ConfigMap named by its id, written before anything is done, and kept until all is told."""

from __future__ import annotations

import base64
import gzip
import hashlib
import logging
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from shared.errors import Conflict, Invalid, LitmusGitopsError, NotFound
from shared.model.orders import Order, Target
from shared.model.runs import Report
from shared.ports.kubernetes import KubernetesApi
from shared.rules.outcomes import Engine

_log = logging.getLogger("litmus_gitops.subscriber")
MAPS: Final = "v1/configmaps"
MARK: Final = "litmuschaos.io/order-record"
_PLAIN_LIMIT: Final = 64 * 1024
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)

Phase = Literal["proving", "rollout", "preflight", "starting", "running", "stopping", "applying", "removing", "ended"]


class Created(msgspec.Struct, frozen=True):
    """The object that an order made; `uid` is empty until the API server has answered."""

    resource: str
    namespace: str
    name: str
    uid: str = ""


class Progress(msgspec.Struct, frozen=True):
    """How far an order has come. Times are RFC 3339 UTC.

    `held` and `first` are what the proof has seen so far, `awaited` the workload whose rollout counts where it is not
    the guarded object itself, `worry` what stood still and since when, `stop` that the run
    was asked to stop, `ordered` False for a run of a schedule, `engines` what was seen of its engines, `namespaces`
    where they may be, `reports` what is not acknowledged yet, oldest first.
    """

    phase: Phase
    since: str
    taken_at: str
    held: bool = False
    first: str = ""
    awaited: Target | None = None
    worry: str = ""
    worried_at: str = ""
    created: Created | None = None
    engines: tuple[Engine, ...] = ()
    namespaces: tuple[str, ...] = ()
    stop: bool = False
    reports: tuple[Report, ...] = ()
    last: Report | None = None
    ended_at: str = ""
    ordered: bool = True


class Record(msgspec.Struct, frozen=True):
    """An order with its progress; `version` is its ConfigMap's resourceVersion, the condition of the next write."""

    order: Order
    progress: Progress
    version: str

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order.order

    def moved(self, **changes: Any) -> Record:
        """Return the record with this progress changed."""
        return msgspec.structs.replace(self, progress=msgspec.structs.replace(self.progress, **changes))


def record_name(order_id: str) -> str:
    """Return the ConfigMap's name: the id in lower case where that is a name, else a hash of it."""
    lower = order_id.lower()
    return lower if _NAME.fullmatch(lower) else f"order-{hashlib.sha256(order_id.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Records:
    """Reads and writes the records in the subscriber's own namespace; `cluster` keeps two subscribers apart."""

    api: KubernetesApi
    namespace: str
    cluster: str

    def take(self, order: Order, progress: Progress) -> Record | None:
        """Record a new order, or return None if it is there already; `Conflict` if its name is another order's."""
        try:
            made = self.api.create(MAPS, self.namespace, self._document(order, progress))
        except Conflict:
            self.find(order.order)
            return None
        return Record(order, progress, made["metadata"]["resourceVersion"])

    def find(self, order_id: str) -> Record | None:
        """Return the order's record, None if there is none."""
        try:
            found = self.api.get(MAPS, self.namespace, record_name(order_id))
        except NotFound:
            return None
        record = _read(found)
        if record.id != order_id:
            raise Conflict(f"the ConfigMap {record_name(order_id)} records another order, {record.id}")
        return record

    def all(self) -> list[Record]:
        """Return the records of this cluster, in the order of their ids; one that somebody spoilt is left out."""
        found = self.api.list(MAPS, self.namespace, f"{MARK}={self.cluster}")
        return sorted((record for one in found for record in _readable(one)), key=lambda record: record.id)

    def reachable(self) -> bool:
        """Whether records can be read now."""
        try:
            self.api.list(MAPS, self.namespace, f"{MARK}={self.cluster}-nothing")
        except LitmusGitopsError:
            return False
        return True

    def save(self, record: Record) -> Record:
        """Write the record's progress if nobody else did since it was read: `Stale` otherwise."""
        body = {"metadata": {"resourceVersion": record.version}, "data": {"progress": _text(record.progress)}}
        saved = self.api.patch(MAPS, self.namespace, record_name(record.id), body)
        return msgspec.structs.replace(record, version=saved["metadata"]["resourceVersion"])

    def forget(self, record: Record) -> None:
        """Delete the record."""
        self.api.delete(MAPS, self.namespace, record_name(record.id))

    def _document(self, order: Order, progress: Progress) -> dict[str, Any]:
        labels = {MARK: self.cluster, "app.kubernetes.io/managed-by": "litmus-gitops"}
        head = {"name": record_name(order.order), "namespace": self.namespace, "labels": labels}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head}
        text = _text(order)
        if len(text) <= _PLAIN_LIMIT:
            return body | {"data": {"progress": _text(progress), "order": text}}
        packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        return body | {"data": {"progress": _text(progress)}, "binaryData": {"order.json.gz": packed}}


def _readable(obj: Mapping[str, Any]) -> list[Record]:
    try:
        return [_read(obj)]
    except Invalid as error:
        _log.warning("a record is passed over", extra={"reason": str(error)})
        return []


def _read(obj: Mapping[str, Any]) -> Record:
    metadata, data = obj["metadata"], obj.get("data") or {}
    packed = (obj.get("binaryData") or {}).get("order.json.gz")
    try:
        text = gzip.decompress(base64.b64decode(packed)) if packed else data["order"]
        progress = msgspec.json.decode(data["progress"], type=Progress)
        return Record(msgspec.json.decode(text, type=Order), progress, metadata["resourceVersion"])
    except (LookupError, ValueError, OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        sentence = f"the ConfigMap {metadata['name']} is no order's record any more: delete it ({error})"
        raise Invalid(sentence) from error


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
