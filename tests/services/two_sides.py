"""What the two sides of a history do: people who push to the branch, and what each edit saw, wrote and took away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from dulwich.index import commit_tree
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from shared.clients.git import Remotes
from shared.errors import Unavailable
from shared.model.hosting import Access
from shared.ports.git import GitRemote
from tests.services.gitops import FOLDER, Shop

PLACES = 3
_TOKEN = re.compile(r"\b(?:git|portal|born)-\d+\b")
_HEAD = Ref(b"refs/heads/main")
_WRECK = b"\n\tx: 1\n"

Files = Mapping[str, bytes]
"""What git holds: path → text."""


def manifest(name: str, born: str, label: str | None) -> bytes:
    """Return a manifest with places for edits; `born` says for ever which experiment it is."""
    labels = f"  labels:\n    workflow_id: {label}\n" if label else ""
    places = "".join(f"    place{number}: empty\n" for number in range(PLACES))
    return (
        "apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\n"
        f"metadata:\n  name: {name}\n{labels}  annotations:\n    born: {born}\n{places}"
        "spec:\n  engineState: active\n  chaosServiceAccount: litmus-admin\n"
        "  experiments:\n    - name: pod-delete\n"
    ).encode()


def placed(text: bytes, place: int, token: str) -> bytes:
    """Write a token into a shared place."""
    return re.sub(rb"place%d: \S+" % place, f"place{place}: {token}".encode(), text, count=1)


def lined(text: bytes, _: int, token: str) -> bytes:
    """Write a token into a line of its own, at the end of the annotations, where all others write theirs."""
    return text.replace(b"spec:\n", f"    own-{token}: x\nspec:\n".encode(), 1)


def remarked(text: bytes, place: int, token: str) -> bytes:
    """Write a token into a comment behind a place."""
    return re.sub(rb"(place%d: \S+).*" % place, rf"\1 # {token}".encode(), text, count=1)


KINDS: dict[str, Callable[[bytes, int, str], bytes]] = {"place": placed, "line": lined, "remark": remarked}


def tokens(*texts: bytes | None) -> frozenset[str]:
    """Return the tokens that stand in texts."""
    return frozenset(token for text in texts if text for token in _TOKEN.findall(text.decode()))


@dataclass
class Branch:
    """The synced branch, as people who push to it see it; every state that it ever had is remembered."""

    shop: Shop
    numbers: count[int] = field(default_factory=count)
    heads: list[bytes] = field(default_factory=list)
    states: list[dict[str, bytes]] = field(default_factory=list)

    def head(self) -> bytes | None:
        """Return the commit at the branch's head."""
        return self._repository.refs.as_dict().get(_HEAD)

    def files(self, head: bytes | None = None) -> dict[str, bytes]:
        """Return what the project's folder holds at a commit, by default at the head."""
        head = head or self.head()
        if head is None:
            return {}
        objects = self._repository.object_store
        commit = self._repository[head]
        assert isinstance(commit, Commit)
        found = objects.iter_tree_contents(commit.tree)
        return {entry.path.decode(): objects[entry.sha].as_raw_string() for entry in found}

    def push(self, files: Files, *, onto: bytes | None = None) -> None:
        """Make a commit of these files the branch's head, on top of it unless another parent is named."""
        parent = onto or self.head()
        entries = []
        for path, text in files.items():
            blob = Blob.from_string(text)
            self._repository.object_store.add_object(blob)
            entries.append((path.encode(), blob.id, 0o100644))
        commit = Commit()
        commit.tree = commit_tree(self._repository.object_store, entries)
        commit.parents = [ObjectID(parent)] if parent else []
        commit.author = commit.committer = b"Ada <ada@example.com>"
        commit.author_time = commit.commit_time = 1_700_000_000 + next(self.numbers)
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"Change experiments.\n"
        self._repository.object_store.add_object(commit)
        self._repository.refs[_HEAD] = commit.id
        self.remember()

    def reset(self, head: bytes) -> None:
        """Force the branch to a commit that exists."""
        self._repository.refs[_HEAD] = ObjectID(head)
        self.remember()

    def delete(self) -> None:
        """Delete the branch."""
        del self._repository.refs[_HEAD]

    def remember(self) -> None:
        """Keep the head and its files, if there is one and it is news."""
        head = self.head()
        if head is not None and [head] != self.heads[-1:]:
            self.heads.append(head)
            self.states.append(self.files())

    def close(self) -> None:
        """Let the repository go."""
        self._repository.close()

    @cached_property
    def _repository(self) -> Repo:
        return Repo(str(self.shop.bare))


class Interrupted:
    """Remotes in whose calls a person gets in between, once for each act that is planned."""

    def __init__(self, acts: list[Callable[[], None]]) -> None:
        self._acts = acts
        self._opened = Remotes()
        self.away = False

    def __call__(self, access: Access) -> GitRemote:
        """Open a remote whose reading of the head is followed by the next act."""
        if self.away and access.url.startswith("file:"):
            raise Unavailable("the network is down")
        remote = self._opened(access)
        head = remote.head

        def read(branch: str) -> str | None:
            found = head(branch)
            if self._acts:
                self._acts.pop()()
            return found

        setattr(remote, "head", read)  # noqa: B010 - ports are read-only to mypy
        return remote


@dataclass(frozen=True)
class Done:
    """An edit that was accepted: who made it, and the tokens that its author saw and took away."""

    author: str
    removed: frozenset[str]


@dataclass
class Book:
    """Who wrote what, and who took it away again; each edit has an author of its own."""

    written: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    done: list[Done] = field(default_factory=list)
    void: set[str] = field(default_factory=set)
    numbers: count[int] = field(default_factory=count)

    def token(self, side: str) -> str:
        """Return a token that nobody has."""
        return f"{side}-{next(self.numbers)}"

    def author(self) -> str:
        """Return an author that nobody has been."""
        return f"Ada {next(self.numbers)} <ada@example.com>"

    def note(self, author: str, seen: frozenset[str], wrote: frozenset[str]) -> None:
        """Note an edit that was accepted."""
        self.done.append(Done(author, seen - wrote))
        self.written |= dict.fromkeys(wrote - seen, author)

    def lost(self, kept: frozenset[str], unsettled: set[str]) -> dict[str, str]:
        """Return the edits that are neither kept nor were taken away by somebody who saw them and came through."""
        removed = {token for one in self.done if one.author not in self.void | unsettled for token in one.removed}
        return {token: author for token, author in self.written.items() if token not in kept | removed}


def path_of(name: str) -> str:
    """Return the path of a manifest by its file's name."""
    return f"{FOLDER}/{name}.yaml"


def broken(text: bytes) -> bytes:
    """Return a text that is no YAML any more, or the one it was before."""
    return text.removesuffix(_WRECK) if text.endswith(_WRECK) else text + _WRECK


def born(text: bytes) -> str:
    """Return which experiment a text is."""
    found = re.search(rb"born: (\S+)", text)
    assert found
    return found[1].decode()


def label_of(text: bytes) -> str | None:
    """Return the id that a text asks for."""
    found = re.search(rb"workflow_id: (\S+)", text)
    return found[1].decode() if found else None


def readable(text: bytes) -> bool:
    """Whether a text is YAML."""
    return not text.endswith(_WRECK)


def both(git: bytes, portal: bytes) -> bytes:
    """Return git's side with a line for each of the portal's tokens that it lacks."""
    for token in sorted(tokens(portal) - tokens(git)):
        git = lined(git, 0, token)
    return git
