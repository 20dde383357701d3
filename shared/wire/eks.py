"""CloudWatch Logs' subscription records of EKS clusters, as a Lambda or Firehose passes them on.

Source of the fields: the guides to CloudWatch Logs' subscription filters, and to Firehose's delivery to HTTP endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from shared.errors import BadInput, TooLarge
from shared.wire.audit import BROKEN, decode_event, tell
from shared.wire.compression import expanded
from shared.wire.objects import Unreadable
from shared.wire.signals import Told

ROOM: Final = 16 << 20
"""Bytes that the records of one body may expand to, all together."""

REQUEST: Final = "x-amz-firehose-request-id"
"""The header by which Firehose is known, and whose value its answer must repeat."""

_STREAM: Final = "kube-apiserver-audit"
_GZIP: Final = b"\x1f\x8b"


class _Packet(msgspec.Struct, frozen=True):
    data: bytes


class _LogEvent(msgspec.Struct, frozen=True):
    message: str


class _Logs(msgspec.Struct, frozen=True, rename="camel"):
    """One record. A list of anything but log events ends its reading at once, however much of it there is."""

    message_type: str = ""
    log_group: str = ""
    log_stream: str = ""
    log_events: tuple[_LogEvent, ...] = ()


_packets = msgspec.json.Decoder(tuple[Raw, ...])
_packet = msgspec.json.Decoder(_Packet)
_logs = msgspec.json.Decoder(_Logs)


def read(top: Mapping[str, Raw], name: str = "") -> Iterator[Told]:
    """Yield what the records of a body tell, of the cluster that AWS calls `name` alone, or of any.

    The body is `{"awslogs": {"data"}}`, or Firehose's `{"records": [{"data"}]}`.
    """
    room = ROOM
    for raw in _listed(top):
        try:
            plain = _expanded(_packet.decode(raw).data, room)
            room -= len(plain)
            yield from _told(_logs.decode(plain), name)
        except TooLarge:
            room = 0
            yield "too_large"
        except (BadInput, *Unreadable):
            yield "broken"


def _listed(top: Mapping[str, Raw]) -> tuple[Raw, ...]:
    try:
        return (top["awslogs"],) if "awslogs" in top else _packets.decode(top.get("records", Raw(b"[]")))
    except Unreadable:
        return (Raw(b"null"),)


def _expanded(data: bytes, room: int) -> bytes:
    """Return the record; Firehose may have been told to decompress it."""
    if data.startswith(_GZIP):
        return expanded(data, "gzip", room)
    if len(data) > room:
        raise TooLarge(f"the records expand to over the limit of {ROOM} bytes")
    return data


def _told(logs: _Logs, name: str) -> Iterable[Told]:
    """Return what a record tells; CloudWatch sends `CONTROL_MESSAGE` to see whether anyone is there."""
    if logs.message_type != "DATA_MESSAGE":
        return ("other",)
    if not logs.log_stream.startswith(_STREAM) or (name and logs.log_group != f"/aws/eks/{name}/cluster"):
        return ("other",) * len(logs.log_events)
    return tuple(_read(one.message.encode()) for one in logs.log_events)


def _read(message: bytes) -> Told:
    try:
        return tell(decode_event(message))
    except BROKEN:
        return "broken"
