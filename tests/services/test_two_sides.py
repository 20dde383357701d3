"""Random histories of people who push and people who save: both sides end up equal, and no edit is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.errors import LitmusGitopsError, Overlap
from shared.model.experiments import Edit
from shared.model.messages import Message
from shared.services.portal_records import listed
from shared.services.sending import Saved
from shared.services.tables import EXPERIMENTS
from tests.payloads import SEED
from tests.services.gitops import Shop
from tests.services.two_sides import (
    KINDS,
    PLACES,
    Book,
    Branch,
    Interrupted,
    born,
    both,
    broken,
    label_of,
    lined,
    manifest,
    path_of,
    readable,
    tokens,
)

NAMES = st.sampled_from(("cart", "till", "door", "lift"))
PICK = st.integers(0, 11)
KIND = st.sampled_from(sorted(KINDS))
PLACE = st.integers(0, PLACES - 1)
SCREENS = st.integers(0, 2)


@dataclass(frozen=True)
class Look:
    """What somebody has on the screen."""

    experiment: str
    blob: str
    text: bytes


class TwoSides(RuleBasedStateMachine):
    """Pushes, with force too; saves from old screens; a branch or a host that is gone; deliveries lost or repeated."""

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
        self.screens: dict[int, Look] = {}
        self.known: dict[str, tuple[str, int]] = {}
        self.gone: bytes | None = None
        self.away = False
        self.portal_authors: set[str] = set()

    @initialize(labelled=st.booleans())
    def begin(self, labelled: bool) -> None:
        self._create_in_git("cart", labelled=labelled)
        self._create_in_git("till", labelled=not labelled)
        self.shop.sync()

    # People who push.

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

    # People who save.

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

    @precondition(_conflicts)
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
            self.shop.conflicts.settle("shop", edit.id, "merged" if text else "portal", text, text and author)
        except Overlap:
            pass
        except LitmusGitopsError:
            return
        if text:
            self.book.void.add(edit.author)
            self.portal_authors.add(author)
        self.book.note(author, tokens(seen), tokens(wrote))

    # What is in between.

    @rule(
        what=st.sampled_from(("deliver", "deliver", "work", "work", "work", "die", "host", "wait")),
        times=st.integers(1, 3),
    )
    def meanwhile(self, what: str, times: int) -> None:
        """A delivery comes, more than once too; a worker works or dies; the host comes or goes; time passes."""
        for _ in range(times):
            if what == "deliver":
                self.shop.tell()
            elif what == "work":
                self.shop.step()
            elif what == "die":
                self.shop.queue.receive(1, 60.0)
            elif what == "wait":
                self.shop.clock.advance(35)
        if what == "host":
            self._host_comes_or_goes()

    def _host_comes_or_goes(self) -> None:
        if not self.served:
            pass
        elif self.away:
            self.shop.server.start()
        else:
            self.shop.server.stop()
        self.away = self.remotes.away = not self.away

    @invariant()
    def states_are_remembered(self) -> None:
        self.branch.remember()

    @rule()
    def all_comes_to_rest(self) -> None:
        """Reconcile once, and work until nothing is left to do."""
        self.acts.clear()
        if self.away:
            self._host_comes_or_goes()
        if not self._there():
            self._reset(self.branch.heads[-1])
        self.shop.clock.advance(90)
        self.shop.store.commit([], [Message("tick", "reconcile", "tick", {})])
        for _ in range(12):
            self.shop.work()
            self.shop.clock.advance(10)
        self.branch.remember()
        self._equal()
        self._nothing_lost()
        self._same_ids()

    def _equal(self) -> None:
        """What the portal shows is what git holds, byte for byte; only conflicts are left over."""
        files, open_edits = self.branch.files(), self.shop.open_edits()
        assert {"conflict"} >= {edit.state for edit in open_edits}
        kept = {edit.experiment for edit in open_edits}
        rows = [row.value for row in listed(self.shop.store, EXPERIMENTS, "shop")]
        assert files == {one.path: self.shop.text(one.blob) for one in rows if one.commit}
        assert {one.id for one in rows if not one.commit} <= kept
        for one in rows:
            broken_off = {"conflict", "invalid"} if one.id in kept else {"synced", "invalid"}
            assert one.state in broken_off, one
            assert one.state == "invalid" or not one.commit or readable(files[one.path])
        state = self.shop.state()
        assert (self.shop.head(), None, state.dirty) == (state.commit, state.problem, state.clean)

    def _nothing_lost(self) -> None:
        conflicts = self._conflicts()
        kept = tokens(*self.branch.files().values(), *(edit.text for edit in conflicts))
        assert {} == self.book.lost(kept, {edit.author for edit in conflicts})
        assert set() == self.book.refused & kept
        told = {row.detail["author"]: row for row in self.shop.ledger("edit")}
        for author in self.portal_authors - self.book.void - {edit.author for edit in conflicts}:
            row = told[author]
            assert row.verdict in {"committed", "merged"} or row.reason.endswith("again"), row

    def _same_ids(self) -> None:
        """A label is its experiment's id; without one, a file that stayed where it was keeps the id that it had."""
        rows = {
            row.value.path: row.value.id for row in listed(self.shop.store, EXPERIMENTS, "shop") if row.value.commit
        }
        for path, text in self.branch.files().items():
            label, name, since = label_of(text), *self.known.get(born(text), (None, 0))
            assert not label or not readable(text) or label == rows[path]
            paths = {
                tuple(p for p, t in state.items() if born(t) == born(text)) for state in self.branch.states[since:]
            }
            assert name in {None, rows[path]} or paths != {(path,)} or label
            self.known[born(text)] = rows[path], len(self.branch.states) - 1

    def teardown(self) -> None:
        try:
            self.all_comes_to_rest()
        finally:
            self.branch.close()
            self.shop.close()
            self.folder.cleanup()


class InAFolder(TwoSides):
    """The same with a repository that is read in place, which is fast; its network fails between it and us."""

    served = False


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("number", [SEED], ids=lambda number: f"seed-{number}")
@pytest.mark.parametrize(
    ("machine", "histories", "steps"),
    [
        pytest.param(TwoSides, 2, 20, id="served"),
        pytest.param(InAFolder, 12, 30, id="in a folder"),
        pytest.param(TwoSides, 100, 60, id="served, long", marks=pytest.mark.soak),
        pytest.param(InAFolder, 1_500, 60, id="in a folder, long", marks=pytest.mark.soak),
    ],
)
def test_both_sides_end_up_equal_and_no_edit_is_lost(
    machine: type[TwoSides], histories: int, steps: int, number: int
) -> None:
    bounded = settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(seed(number)(machine), settings=bounded)
