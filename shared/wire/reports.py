"""What subscribers report: how a run stands, and that they are alive (CONTRACT, "Order and report").

A report is `{"order": …|null, "run": …, "state": …, "phase", "verdict", "score"?, "faults": […], "message", "at"}`,
with `experiment`, `object` and `commit` besides where there was no order. A heartbeat is `{"heartbeat": {"at",
"version", "capabilities": […], "workloads": [{"kind", "namespace", "name", "uid", "generation", "digest", "marks"}],
"listed": […]}}`; the answer's `send` lists what the portal wants to see, sealed, under `/changes/{cluster}`, and its
`plain` and `moved` the keys that it wants evaluated before.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from shared.errors import BadInput
from shared.model.heartbeats import Heartbeat, SeenWorkload
from shared.model.runs import FaultResult, Report, RunState
from shared.model.times import written

LIMIT: Final = 1 << 20
_MESSAGE: Final = 2000
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

_Id = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Name = Annotated[str, Meta(max_length=253)]
_Percent = Annotated[float, Meta(ge=0, le=100)]


class _Fault(msgspec.Struct, frozen=True):
    name: _Name
    verdict: _Name = ""
    probe_success_percentage: _Percent | None = None
    weight: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    measured: bool = True


class _Report(msgspec.Struct, frozen=True):
    order: _Id | None
    run: _Id
    state: RunState
    at: datetime
    phase: _Name | None = ""
    verdict: _Name | None = ""
    score: _Percent | None = None
    faults: Annotated[tuple[_Fault, ...], Meta(max_length=1000)] = ()
    message: str | None = ""
    experiment: _Name = ""
    object: _Name = ""
    commit: _Name = ""


class _Seen(msgspec.Struct, frozen=True):
    kind: _Name
    namespace: _Name
    name: _Name
    uid: _Name
    digest: _Name
    generation: int | None = None
    marks: _Name = ""


class _Heartbeat(msgspec.Struct, frozen=True):
    at: datetime
    version: _Name = ""
    capabilities: Annotated[tuple[_Name, ...], Meta(max_length=100)] = ()
    workloads: Annotated[tuple[_Seen, ...], Meta(max_length=10_000)] = ()
    listed: Annotated[tuple[_Name, ...], Meta(max_length=100)] = ()


class _Envelope(msgspec.Struct, frozen=True):
    heartbeat: _Heartbeat


_envelopes = msgspec.json.Decoder(_Envelope, strict=False)
_reports = msgspec.json.Decoder(_Report, strict=False)
_shapes = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_report(body: bytes) -> Report | Heartbeat:
    """Return what a verified body says, or `BadInput` naming what is wrong with it."""
    try:
        if "heartbeat" in _shapes.decode(body):
            return _heartbeat(_envelopes.decode(body).heartbeat)
        return _report(_reports.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise BadInput(f"this is neither a report nor a heartbeat: {error}") from error


def write_report(report: Report) -> bytes:
    """Return a report as JSON."""
    return msgspec.json.encode(report)


def write_heartbeat(heartbeat: Heartbeat) -> bytes:
    """Return a heartbeat as JSON."""
    return msgspec.json.encode({"heartbeat": heartbeat})


def _report(found: _Report) -> Report:
    said: dict[str, Any] = {name: getattr(found, name) for name in found.__struct_fields__}
    said["at"] = _stamp(found.at)
    said["message"] = (found.message or "")[:_MESSAGE]
    said["phase"], said["verdict"] = found.phase or "", found.verdict or ""
    said["commit"] = found.commit if _COMMIT.fullmatch(found.commit) else ""
    said["faults"] = tuple(_fault(fault) for fault in found.faults)
    return Report(**said)


def _fault(found: _Fault) -> FaultResult:
    return FaultResult(found.name, found.verdict, found.probe_success_percentage, found.weight, found.measured)


def _heartbeat(found: _Heartbeat) -> Heartbeat:
    workloads = tuple(msgspec.convert(seen, SeenWorkload, from_attributes=True) for seen in found.workloads)
    return Heartbeat(_stamp(found.at), found.version, found.capabilities, workloads, found.listed)


def _stamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise msgspec.ValidationError("`at` has no time zone: add Z for UTC")
    return written(moment)
