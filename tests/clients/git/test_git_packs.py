"""Packs that no good server sends: each is refused within bounds, and none breaks anything."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from dulwich.errors import GitProtocolError
from dulwich.protocol import pkt_line
from hypothesis import given
from hypothesis import strategies as st

from shared.clients.git import packs
from shared.clients.git.packets import TooMuch, protocol, read_pack, read_refs
from shared.rules.edits import blob_id
from tests.gitserver import bare, clone, git

BLOB, OFFSET_DELTA, ID_DELTA = 3, 6, 7


def entry(kind: int, content: bytes, base: bytes = b"", size: int | None = None) -> bytes:
    left = len(content) if size is None else size
    head = [kind << 4 | left & 15]
    left >>= 4
    while left:
        head[-1] |= 0x80
        head.append(left & 127)
        left >>= 7
    return bytes(head) + base + zlib.compress(content)


def a_pack(*entries: bytes) -> bytes:
    return b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries) + bytes(20)


def delta(source: int, *copies: tuple[int, int]) -> bytes:
    """Return a delta that copies (offset, size) pieces of a source below 64 KiB."""
    sizes = b"".join(
        bytes([size & 127 | 0x80, size >> 7 & 127 | 0x80, size >> 14]) for size in (source, sum(s for _, s in copies))
    )
    return sizes + b"".join(b"\xb3" + struct.pack("<HH", offset, size) for offset, size in copies)


def contents(pack: bytes) -> list[bytes]:
    return sorted(content for _, content in packs.objects(pack).values())


def test_gits_own_packs_are_read(tmp_path: Path) -> None:
    person = clone(bare(tmp_path / "chaos.git"), tmp_path / "clone")
    for number in range(50):
        person.write(f"e{number}.yaml", f"name: e{number}\n" + "step: wait\n" * 200)
    person.push()
    git("repack", "-adq", "--depth=50", cwd=person.folder)
    [pack] = (person.folder / ".git/objects/pack").glob("*.pack")
    names = git("rev-list", "--objects", "--all", "--no-object-names", cwd=person.folder).split()
    assert sorted(names) == sorted(name.decode() for name in packs.objects(pack.read_bytes()))


def test_a_delta_may_come_before_its_base() -> None:
    base = b"0123456789"
    first = entry(ID_DELTA, delta(10, (0, 4)), bytes.fromhex(blob_id(base)))
    assert [b"0123", base] == contents(a_pack(first, entry(BLOB, base)))


def test_a_delta_of_a_delta_is_applied() -> None:
    base = entry(BLOB, b"0123456789")
    first = entry(OFFSET_DELTA, delta(10, (0, 8)), bytes([len(base)]))
    second = entry(OFFSET_DELTA, delta(8, (6, 2)), bytes([len(first)]))
    assert [b"0123456789", b"01234567", b"67"] == sorted(contents(a_pack(base, first, second)), key=len, reverse=True)


def test_a_delta_without_its_base_is_left_out() -> None:
    orphan = entry(ID_DELTA, delta(10, (0, 4)), b"\x01" * 20)
    assert [b"whole"] == contents(a_pack(orphan, entry(BLOB, b"whole")))


def test_an_object_too_large_is_left_out_and_the_next_is_read() -> None:
    assert [b"next"] == contents(a_pack(entry(BLOB, bytes(packs.KEPT + 1)), entry(BLOB, b"next")))


def test_a_delta_that_would_grow_too_large_is_not_applied() -> None:
    base = bytes(60_000)
    bomb = delta(60_000)[:3] + b"\xff\xff\xff\x7f" + b"\xb3\x00\x00\x60\xea" * 200
    assert [base] == contents(a_pack(entry(BLOB, base), entry(ID_DELTA, bomb, bytes.fromhex(blob_id(base)))))


def test_more_than_fits_in_memory_is_refused() -> None:
    largest = entry(BLOB, bytes(packs.KEPT))
    with pytest.raises(TooMuch):
        packs.objects(a_pack(*[largest] * (packs.TOTAL // packs.KEPT + 1)))


BROKEN = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"JUNK" + bytes(20), id="no pack"),
    pytest.param(b"PACK" + struct.pack(">II", 9, 0), id="a version to come"),
    pytest.param(b"PACK" + struct.pack(">II", 2, 5), id="fewer objects than promised"),
    pytest.param(a_pack(entry(BLOB, b"abc"))[:-25], id="cut off"),
    pytest.param(a_pack(entry(BLOB, b"abc", size=2)), id="longer than promised"),
    pytest.param(a_pack(entry(BLOB, b"abc", size=4)), id="shorter than promised"),
    pytest.param(a_pack(entry(BLOB, b"x" * 100_000, size=3)), id="a bomb"),
    pytest.param(a_pack(b"\x33no zlib"), id="not deflated"),
    pytest.param(a_pack(entry(5, b"abc")), id="no kind of object"),
    pytest.param(
        a_pack(entry(BLOB, b"0123"), entry(ID_DELTA, b"\x04\x02\xff", bytes.fromhex(blob_id(b"0123")))),
        id="a broken delta",
    ),
    pytest.param(
        a_pack(entry(BLOB, b"0123"), entry(ID_DELTA, b"\x84", bytes.fromhex(blob_id(b"0123")))),
        id="a delta without a head",
    ),
]


@pytest.mark.parametrize("pack", BROKEN)
def test_a_broken_pack_is_told_as_one(pack: bytes) -> None:
    with pytest.raises(GitProtocolError):
        packs.objects(pack)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_break_the_reader(noise: bytes, at: int) -> None:
    good = a_pack(entry(BLOB, b"0123456789"), entry(OFFSET_DELTA, delta(10, (0, 4)), b"\x13"))
    with suppress(GitProtocolError, TooMuch):
        packs.objects(good[:at] + noise + good[at + len(noise) :])


def stream(*lines: bytes) -> bytes:
    return b"".join(pkt_line(line) for line in lines) + b"0000"


def reading(data: bytes) -> bytes:
    return read_pack(protocol(BytesIO(data).read), 100)


def test_a_pack_comes_in_pieces_amid_progress() -> None:
    sections = b"".join([pkt_line(b"shallow-info\n"), pkt_line(b"shallow 1\n"), b"0001"])
    assert b"PACK1234" == reading(sections + stream(b"packfile\n", b"\x01PACK", b"\x02Counting", b"\x011234"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(stream(b"ERR access denied\n"), "access denied", id="an error"),
        pytest.param(stream(b"packfile\n", b"\x03out of memory\n"), "out of memory", id="a fatal error"),
        pytest.param(b"0000", "the answer holds no pack", id="no pack"),
    ],
)
def test_a_servers_error_is_told(data: bytes, says: str) -> None:
    with pytest.raises(GitProtocolError, match=says):
        reading(data)


def test_a_pack_over_its_limit_is_not_read_to_the_end() -> None:
    with pytest.raises(TooMuch):
        reading(stream(b"packfile\n", b"\x01" + bytes(101), b"\x03never read"))


def test_refs_are_read_with_their_commits() -> None:
    data = stream(b"1" * 40 + b" refs/heads/main\n", b"2" * 40 + b" refs/heads/x symref-target:refs/heads/main\n")
    assert {b"refs/heads/main": b"1" * 40, b"refs/heads/x": b"2" * 40} == read_refs(protocol(BytesIO(data).read))
