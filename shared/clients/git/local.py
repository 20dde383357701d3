"""A repository in a folder of this machine, read and written in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from dulwich.objects import ObjectID, ShaFile
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref
from dulwich.repo import Repo

from shared.clients.git.packs import KEPT
from shared.clients.git.places import Place
from shared.clients.git.refusals import explained
from shared.clients.git.trees import LookUp
from shared.errors import Conflict, Stale


class LocalSource:
    """One repository under a `file://` address, opened for each use."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def head(self, ref: bytes) -> bytes | None:
        """Return the object that a ref names."""
        with self._opened() as repository:
            return repository.refs.as_dict().get(Ref(ref))

    @contextmanager
    def looking_up(self, commit: bytes | None) -> Iterator[LookUp]:
        """Yield the look-up of any object."""
        del commit
        with self._opened() as repository:
            yield lambda name: repository.object_store[ObjectID(name)]

    def blobs(self, commit: bytes, names: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the contents of these blobs, None for those too large to be kept."""
        del commit
        with self._opened() as repository:
            found = ((name, repository.object_store.get_raw(ObjectID(name))[1]) for name in names)
            return {name: content if len(content) <= KEPT else None for name, content in found}

    def push(self, ref: bytes, expected: bytes | None, made: Sequence[ShaFile]) -> None:
        """Add new objects and move the ref to the last of them, if it still is where it is expected."""
        with self._opened() as repository:
            self._check_work_tree(repository, ref)
            for entry in made:
                repository.object_store.add_object(entry)
            was = ObjectID(expected or ZERO_SHA)
            if not repository.refs.set_if_equals(Ref(ref), was, made[-1].id):
                raise Stale(f"{ref.decode()} is not where it was read")

    def moved(self) -> None:
        """Return None: a folder tells of no move."""

    def _check_work_tree(self, repository: Repo, ref: bytes) -> None:
        """Refuse what `git push` refuses: moving the branch that someone works on (receive.denyCurrentBranch)."""
        if not repository.bare and repository.refs.read_ref(Ref(b"HEAD")) == b"ref: " + ref:
            raise Conflict(f"{ref.decode()} is checked out in {self._place.url}: use a bare repository")

    @contextmanager
    def _opened(self) -> Iterator[Repo]:
        with explained(self._place), closing(Repo(self._place.path)) as repository:
            yield repository
