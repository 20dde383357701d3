"""The rules of histories by which people save: from old screens too, and what they settle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from shared.errors import LitmusGitopsError, Overlap
from shared.model.experiments import Edit
from shared.services.sending import Saved
from tests.services.two_sides import (
    KINDS,
    both,
    label_of,
    manifest,
    path_of,
    readable,
    tokens,
)
from tests.services.two_sides_pushing import KIND, NAMES, PICK, PLACE, Pushing

SCREENS = st.integers(0, 2)


@dataclass(frozen=True)
class Look:
    """What somebody has on the screen."""

    experiment: str
    blob: str
    text: bytes


class Saving(Pushing):
    """What people who save in the portal do, beside those who push."""

    def __init__(self) -> None:
        super().__init__()
        self.screens: dict[int, Look] = {}
        self.portal_authors: set[str] = set()

    @rule(screen=SCREENS, pick=PICK)
    def somebody_looks(self, screen: int, pick: int) -> None:
        shown = [one for _, one in sorted(self.shop.experiments().items())]
        if shown:
            one = shown[pick % len(shown)]
            text = self.shop.text(one.blob)
            if text is not None:
                self.screens[screen] = Look(one.id, one.blob, text)

    @rule(screen=SCREENS, pick=PICK, kind=KIND, place=PLACE)
    def somebody_saves(self, screen: int, pick: int, kind: str, place: int) -> None:
        if look := self._look(screen, pick):
            text = KINDS[kind](look.text, place, self.book.token("portal"))
            saved = self._portal(
                lambda author: self.shop.edits.save("shop", look.experiment, text, look.blob, author), look.text, text
            )
            if saved and saved.commit:
                assert tokens(text) - tokens(look.text) <= tokens(*self.branch.files().values())

    def _look(self, screen: int, pick: int) -> Look | None:
        """Return what is on a screen, an old one as often as not."""
        if screen not in self.screens:
            self.somebody_looks(screen, pick)
        return self.screens.get(screen)

    @rule(screen=SCREENS, pick=PICK, kind=KIND, place=PLACE)
    def somebody_looks_and_saves(self, screen: int, pick: int, kind: str, place: int) -> None:
        self.somebody_looks(screen, pick)
        self.somebody_saves(screen, pick, kind, place)

    @rule(screen=SCREENS, pick=PICK, kind=KIND, place=PLACE, place_in_git=PLACE, kind_in_git=KIND)
    def both_edit_at_once(  # noqa: PLR0917 - what a history is made of
        self, screen: int, pick: int, kind: str, place: int, place_in_git: int, kind_in_git: str
    ) -> None:
        self.somebody_looks(screen, pick)
        if self._there():
            self._edit_in_git(pick, kind_in_git, place_in_git)
        self.somebody_saves(screen, pick, kind, place)

    @rule(
        what=st.sampled_from(("create", "delete", "rename")),
        screen=SCREENS,
        pick=PICK,
        name=NAMES,
        labelled=st.booleans(),
    )
    def somebody_changes_files(self, what: str, screen: int, pick: int, name: str, labelled: bool) -> None:
        look = self._look(screen, pick)
        if what == "create":
            self._creates(name, labelled)
        elif look and what == "delete":
            self._deletes(look)
        elif look:
            self._renames(look, name)

    def _creates(self, name: str, labelled: bool) -> None:
        token = self.book.token("born")
        text = manifest(name, token, f"id-{token}" if labelled else None)
        self._portal(lambda author: self.shop.edits.save("shop", None, text, None, author), None, text)

    def _deletes(self, look: Look) -> None:
        saved = self._portal(
            lambda author: self.shop.edits.delete("shop", look.experiment, look.blob, author), look.text, None
        )
        if saved and saved.commit and (label := label_of(look.text)):
            assert label not in {label_of(text) for text in self.branch.files().values() if readable(text)}

    def _renames(self, look: Look, name: str) -> None:
        saved = self._portal(
            lambda author: self.shop.edits.rename("shop", look.experiment, path_of(name), author), None, None
        )
        if saved and saved.commit:
            assert look.experiment == saved.experiment.id == self.shop.experiments()[name].id
            assert path_of(name) in self.branch.files()

    def _portal(self, act: Callable[[str], Saved | None], seen: bytes | None, wrote: bytes | None) -> Saved | None:
        """Let somebody act: what is refused to their face leaves no trace, all else is an edit."""
        author = self.book.author()
        try:
            saved = act(author)
        except Overlap as overlap:
            if self.shop.conflicts.find("shop", overlap.conflict).author != author:
                return None  # the very same edit was kept before
            saved = None
        except LitmusGitopsError:
            self.book.refused |= tokens(wrote) - tokens(seen)
            return None
        self.portal_authors.add(author)
        self.book.note(author, tokens(seen), tokens(wrote))
        return saved

    def _conflicts(self) -> list[Edit]:
        return self.shop.conflicts.of("shop")

    @precondition(lambda self: self._conflicts())
    @rule(pick=PICK, take=st.sampled_from(("git", "portal", "merged")))
    def somebody_settles(self, pick: int, take: str) -> None:
        found = self._conflicts()
        edit = found[pick % len(found)]
        sides = self.shop.conflicts.sides(edit)
        git, portal = (side.text if side else None for side in (sides.git, sides.portal))
        if take == "git":
            self.shop.conflicts.settle("shop", edit.id, "git", None, None)
            self.book.void.add(edit.author)
            self.book.note(self.book.author(), tokens(portal) - tokens(git), frozenset())
        elif take == "portal":
            self._settle(edit, git, portal, None)
        elif git and portal:
            self._settle(edit, git + portal, both(git, portal), both(git, portal))

    def _settle(self, edit: Edit, seen: bytes | None, wrote: bytes | None, text: bytes | None) -> None:
        author = self.book.author() if text else edit.author
        try:
            self.shop.conflicts.settle("shop", edit.id, "merged" if text else "portal", text, author if text else None)
        except Overlap:
            pass
        except LitmusGitopsError:
            return
        if text:
            self.book.void.add(edit.author)
            self.portal_authors.add(author)
        self.book.note(author, tokens(seen), tokens(wrote))
