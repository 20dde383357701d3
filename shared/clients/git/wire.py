"""A repository on a server: what is read of it stays in memory, and as little as the server allows is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from dulwich.client import GitClient
from dulwich.errors import GitProtocolError
from dulwich.object_store import ObjectStoreGraphWalker
from dulwich.objects import ObjectID, ShaFile
from dulwich.pack import UnpackedObject, full_unpacked_object
from dulwich.refs import Ref

from shared.clients.git import packets, packs
from shared.clients.git.lines import Line, Packets, Request
from shared.clients.git.packets import Capabilities, OldProtocol, TooMuch
from shared.clients.git.places import Place
from shared.clients.git.refusals import declined, explained
from shared.clients.git.trees import LookUp
from shared.errors import Misconfigured, Stale


class Limits(NamedTuple):
    """Bytes of the largest packs that are taken.

    `whole` is a commit's trees, or all of it where nothing less is offered; `some` are wanted files, which are asked
    for by halves beyond it; `file` is what is kept of each of them, one byte more than a manifest may have.
    """

    whole: int = 128 << 20
    some: int = 64 << 20
    file: int = (256 << 10) + 1


Objects = dict[bytes, tuple[int, bytes]]


class WireSource:
    """One repository over one line; remembers the commits it has read, for as long as it lives."""

    def __init__(self, place: Place, line: Line, limits: Limits | None = None) -> None:
        self._place, self._line, self._limits = place, line, limits or Limits()
        self._read: dict[bytes, Objects] = {}
        self._whole: set[bytes] = set()

    def head(self, ref: bytes) -> bytes | None:
        """Return the object that a ref names."""
        with explained(self._place):
            try:
                with self._asking(lambda _: packets.ask_refs(ref)) as answer:
                    return packets.read_refs(answer).get(ref)
            except OldProtocol:
                client, path = self._line.client()
                return client.get_refs(path.encode(), protocol_version=0).refs.get(Ref(ref))

    @contextmanager
    def looking_up(self, commit: bytes | None) -> Iterator[LookUp]:
        """Yield the look-up of the commit and its trees."""
        objects = {} if commit is None else self._objects(commit)
        yield lambda name: ShaFile.from_raw_string(*objects[name])

    def blobs(self, commit: bytes, names: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the contents of these blobs, None for those too large to be kept."""
        if not names:
            return {}
        if commit not in self._whole:
            try:
                with explained(self._place):
                    return self._some(names)
            except (OldProtocol, _Unwilling):
                self._whole.add(commit)
                self._read.pop(commit, None)
        objects = self._objects(commit)
        return {name: objects[name][1] if name in objects else None for name in names}

    def push(self, ref: bytes, expected: bytes | None, made: Sequence[ShaFile]) -> None:
        """Send new objects and move the ref to the last of them, if it still is where it is expected."""
        push = _Push(ref, expected, made)
        with explained(self._place):
            problem = push.send(*self._line.client())
        if problem is not None and self.head(ref) != expected:
            raise Stale(f"{ref.decode()} moved while it was pushed to")
        if problem is not None:
            words = b" ".join([problem.encode(), *push.progress]).decode(errors="replace")
            raise declined(self._place, ref, words)

    def moved(self) -> str | None:
        """Return where the host last led us, None where that is the address that was asked for."""
        return self._line.moved()

    def _objects(self, commit: bytes) -> Objects:
        if commit not in self._read:
            with explained(self._place):
                self._read[commit] = packs.objects(self._commit_pack(commit))
        return self._read[commit]

    def _commit_pack(self, commit: bytes) -> bytes:
        try:
            with self._asking(lambda offered: self._commit_request(commit, offered)) as answer:
                return packets.read_pack(answer, self._limits.whole)
        except OldProtocol:
            self._whole.add(commit)
            return self._old_pack(commit)

    def _commit_request(self, commit: bytes, offered: Capabilities) -> bytes:
        partial = offered.filters and commit not in self._whole
        if not partial:
            self._whole.add(commit)
        return packets.ask_objects([commit], partial=partial, depth=1)

    def _old_pack(self, commit: bytes) -> bytes:
        """Fetch all of a commit by a version that knows no partial fetches."""
        pack = bytearray()

        def take(data: bytes) -> int:
            pack.extend(data)
            if len(pack) > self._limits.whole:
                raise TooMuch
            return len(data)

        def wants(refs: object, depth: int | None = None) -> list[ObjectID]:
            del refs, depth
            return [ObjectID(commit)]

        client, path = self._line.client()
        client.fetch_pack(path, wants, ObjectStoreGraphWalker([], lambda _: []), take, depth=1, protocol_version=0)
        return bytes(pack)

    def _some(self, names: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Ask for just these blobs; by halves where they are too much, and alone where one came as a delta of such."""
        objects = self._asked(names)
        if objects is None and len(names) > 1:
            half = len(names) // 2
            return self._some(names[:half]) | self._some(names[half:])
        kept = self._limits.file
        found = {name: objects[name][1][:kept] if objects and name in objects else None for name in names}
        missing = [name for name, content in found.items() if content is None] if len(names) > 1 else []
        for name in missing:
            found |= self._some([name])
        return found

    def _asked(self, names: Sequence[bytes]) -> Objects | None:
        try:
            with self._asking(lambda offered: packets.ask_objects(names, partial=offered.filters)) as answer:
                pack = packets.read_pack(answer, self._limits.some)
            return packs.objects(pack)
        except TooMuch:
            return None
        except GitProtocolError as error:
            if "not our ref" in str(error) or "want" in str(error):
                raise _Unwilling from error
            raise

    def _asking(self, request: Request) -> AbstractContextManager[Packets]:
        def usable(offered: Capabilities) -> bytes:
            if offered.sha256:
                raise Misconfigured("the repository names its objects by SHA-256, which is not supported: use SHA-1")
            return request(offered)

        return self._line.ask(usable)


class _Unwilling(Exception):
    """The server gives only what its refs name."""


class _Push:
    """One push by dulwich, which reads the refs anew: they must still be as expected."""

    def __init__(self, ref: bytes, expected: bytes | None, made: Sequence[ShaFile]) -> None:
        self._ref, self._expected, self._made = Ref(ref), expected, made
        self.progress: list[bytes] = []

    def send(self, client: GitClient, path: str) -> str | None:
        """Push; return the server's complaint."""
        result = client.send_pack(path.encode(), self._update, self._pack, self.progress.append)
        return (result.ref_status or {}).get(self._ref)

    def _update(self, refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
        if refs.get(self._ref) != self._expected:
            raise Stale(f"{self._ref.decode()} is not where it was read")
        return {self._ref: self._made[-1].id}

    def _pack(self, *_: object, **__: object) -> tuple[int, Iterator[UnpackedObject]]:
        return len(self._made), map(full_unpacked_object, self._made)
