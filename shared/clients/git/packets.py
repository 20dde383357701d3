"""Requests and answers of git's protocol, version 2 (gitprotocol-v2), as upload-pack speaks it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dulwich.errors import GitProtocolError
from dulwich.protocol import Protocol, pkt_line

Read = Callable[[int], bytes]
"""Returns exactly so many bytes, or fewer at the end of the stream."""

DELIMITER: Final = b"0001"
FLUSH: Final = b"0000"
SECONDS: Final = 120.0
"""How long one answer may take in all, however steadily it trickles."""

_DATA, _FATAL = 1, 3


class OldProtocol(Exception):
    """The server speaks an earlier version than 2."""


class TooMuch(Exception):
    """An answer is larger than what is kept in memory."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server of version 2 offers: `filters` allows partial fetches; `sha256` names its object format."""

    filters: bool
    sha256: bool


def protocol(read: Read) -> Protocol:
    """Return packets of a stream whose answer must end within `SECONDS`."""
    end = time.monotonic() + SECONDS

    def timely(size: int) -> bytes:
        if time.monotonic() > end:
            raise TimeoutError(f"the answer was not complete after {SECONDS:.0f} s")
        return read(size)

    return Protocol(timely, lambda _: None)


def capabilities(packets: Protocol) -> Capabilities:
    """Read what a server advertises: `OldProtocol` unless it speaks version 2."""
    first = packets.read_pkt_line()
    if first is not None and first.startswith(b"# service="):
        packets.read_pkt_line()
        first = packets.read_pkt_line()
    if first is None or first.strip() != b"version 2":
        raise OldProtocol
    offered = dict(line.strip().partition(b"=")[::2] for line in packets.read_pkt_seq())
    return Capabilities(b"filter" in offered.get(b"fetch", b"").split(), offered.get(b"object-format") == b"sha256")


def ask_refs(prefix: bytes) -> bytes:
    """Return the request for the refs that start with `prefix`."""
    return _command(b"ls-refs", [b"ref-prefix " + prefix])


def read_refs(packets: Protocol) -> dict[bytes, bytes]:
    """Read the answer: ref → object id."""
    lines = (_checked(line).split() for line in packets.read_pkt_seq())
    return {name: sha for sha, name, *_ in lines}


def ask_objects(wants: Iterable[bytes], *, partial: bool, depth: int | None = None) -> bytes:
    """Return the request for these objects and what they reach; `partial` leaves out every blob not asked for."""
    options = [b"ofs-delta", b"no-progress"]
    options += [b"filter blob:none"] if partial else []
    options += [b"deepen %d" % depth] if depth else []
    return _command(b"fetch", [*options, *(b"want " + want for want in wants), b"done"])


def read_pack(packets: Protocol, limit: int) -> bytes:
    """Read the pack in a fetch's answer: `TooMuch` over `limit` bytes."""
    while (line := packets.read_pkt_line()) is not None:
        if _checked(line).strip() == b"packfile":
            return joined(_data(packets), limit)
        for _ in packets.read_pkt_seq():
            pass
    raise GitProtocolError("the answer holds no pack")


def joined(chunks: Iterable[bytes], limit: int) -> bytes:
    """Return the chunks as one: `TooMuch` over `limit` bytes."""
    whole = bytearray()
    for chunk in chunks:
        whole += chunk
        if len(whole) > limit:
            raise TooMuch
    return bytes(whole)


def _data(packets: Protocol) -> Iterator[bytes]:
    for line in packets.read_pkt_seq():
        if line[0] == _DATA:
            yield line[1:]
        elif line[0] == _FATAL:
            raise GitProtocolError(line[1:].decode(errors="replace").strip())


def _checked(line: bytes) -> bytes:
    if line.startswith(b"ERR "):
        raise GitProtocolError(line[4:].decode(errors="replace").strip())
    return line


def _command(name: bytes, arguments: Iterable[bytes]) -> bytes:
    head = pkt_line(b"command=" + name) + pkt_line(b"agent=litmus-gitops")
    return head + DELIMITER + b"".join(pkt_line(argument) for argument in arguments) + FLUSH
