"""The rules of histories by which people push: edits, files that come and go, force, and a branch that is deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from tests.services.gitops import Shop
from tests.services.two_sides import (
    KINDS,
    PLACES,
    Book,
    Branch,
    Interrupted,
    broken,
    lined,
    manifest,
    path_of,
    tokens,
)

NAMES = st.sampled_from(("cart", "till", "door", "lift"))
PICK = st.integers(0, 11)
KIND = st.sampled_from(sorted(KINDS))
PLACE = st.integers(0, PLACES - 1)


class Pushing(RuleBasedStateMachine):
    """A project in a repository, and what people who push do to it."""

    served = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="sides-")
        self.acts: list[Callable[[], None]] = []
        self.remotes = Interrupted(self.acts)
        self.shop = Shop(Path(self.folder.name), self.remotes)
        if not self.served:
            self.shop.configure(repo_url=f"file://{self.shop.bare}")
        self.branch = Branch(self.shop)
        self.book = Book()
        self.known: dict[str, tuple[str, int]] = {}
        self.gone: bytes | None = None
        self.away = False

    @initialize(labelled=st.booleans())
    def begin(self, labelled: bool) -> None:
        self._create_in_git("cart", labelled=labelled)
        self._create_in_git("till", labelled=not labelled)
        self.shop.sync()

    def _there(self) -> bool:
        return self.branch.head() is not None

    def _pushed(self, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
        files = self.branch.files()
        new = change(files)
        self.book.note(self.book.author(), tokens(*files.values()), tokens(*new.values()))
        self.branch.push(new)

    def _create_in_git(self, name: str, *, labelled: bool) -> None:
        token = self.book.token("born")
        text = manifest(name, token, f"id-{token}" if labelled else None)
        self._pushed(lambda files: {path_of(name): text} | files)

    @precondition(_there)
    @rule(
        what=st.sampled_from(("create", "remove", "rename", "rename and edit")),
        pick=PICK,
        name=NAMES,
        labelled=st.booleans(),
    )
    def git_changes_files(self, what: str, pick: int, name: str, labelled: bool) -> None:
        if what == "create":
            self._git_creates(name, labelled)
        elif what == "remove":
            self._git_removes(pick)
        else:
            self._git_renames(pick, name, edited=what != "rename")

    def _git_creates(self, name: str, labelled: bool) -> None:
        if path_of(name) not in self.branch.files():
            self._create_in_git(name, labelled=labelled)

    def _edit_in_git(self, pick: int, kind: str, place: int) -> None:
        files = self.branch.files()
        if files:
            path = sorted(files)[pick % len(files)]
            token = self.book.token("git")
            self._pushed(lambda files: files | {path: KINDS[kind](files[path], place, token)})

    @precondition(_there)
    @rule(pick=PICK, kind=KIND, place=PLACE)
    def git_edits(self, pick: int, kind: str, place: int) -> None:
        self._edit_in_git(pick, kind, place)

    def _git_removes(self, pick: int) -> None:
        files = self.branch.files()
        if len(files) > 1:
            gone = sorted(files)[pick % len(files)]
            self._pushed(lambda files: {path: text for path, text in files.items() if path != gone})

    def _git_renames(self, pick: int, name: str, *, edited: bool) -> None:
        files = self.branch.files()
        if files and path_of(name) not in files:
            old = sorted(files)[pick % len(files)]
            text = lined(files[old], 0, self.book.token("git")) if edited else files[old]
            self._pushed(
                lambda files: {path: one for path, one in files.items() if path != old} | {path_of(name): text}
            )

    @precondition(_there)
    @rule(what=st.sampled_from(("break", "break", "force", "delete")), pick=PICK)
    def git_is_rude(self, what: str, pick: int) -> None:
        if what == "break":
            self._breaks_or_mends(pick)
        elif what == "force":
            self._reset(self.branch.heads[-1 - pick % len(self.branch.heads)])
        else:
            self.gone = self.branch.head()
            self.branch.delete()

    def _breaks_or_mends(self, pick: int) -> None:
        files = self.branch.files()
        if files:
            path = sorted(files)[pick % len(files)]
            self._pushed(lambda files: files | {path: broken(files[path])})

    def _reset(self, head: bytes) -> None:
        seen = tokens(*self.branch.files(self.gone).values())
        self.branch.reset(head)
        self.book.note(self.book.author(), seen, tokens(*self.branch.files().values()))
        self.gone = None

    @precondition(lambda self: not self._there())
    @rule(back=st.sampled_from((0, 0, 1, 3)))
    def the_branch_is_created_again(self, back: int) -> None:
        self._reset(self.branch.heads[-1 - back % len(self.branch.heads)])

    @rule(pick=PICK, kind=KIND, place=PLACE)
    def git_will_edit_in_between(self, pick: int, kind: str, place: int) -> None:
        self.acts.append(lambda: self._edit_in_git(pick, kind, place) if self._there() else None)
