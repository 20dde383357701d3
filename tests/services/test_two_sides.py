"""Random histories of people who push and people who save: both sides end up equal, and no edit is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)

from shared.model.messages import Message
from shared.services.portal_records import listed
from shared.services.tables import EXPERIMENTS
from tests.payloads import SEED
from tests.services.two_sides import (
    born,
    label_of,
    readable,
    tokens,
)
from tests.services.two_sides_saving import Saving


class TwoSides(Saving):
    """Pushes, with force too; saves from old screens; a branch or a host that is gone; deliveries lost or repeated."""

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
        files = self.branch.files()
        copies = Counter(born(text) for text in files.values())
        for path, text in files.items():
            if copies[born(text)] > 1:
                continue  # somebody took the portal's side of what git had moved
            label, (known, since) = label_of(text), self.known.get(born(text), (rows[path], 0))
            assert not label or not readable(text) or label == rows[path]
            stayed = all(born(state.get(path, text)) == born(text) for state in self.branch.states[since:])
            there = all(path in state for state in self.branch.states[since:])
            assert label or not stayed or not there or known == rows[path]
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
        pytest.param(InAFolder, 8, 30, id="in a folder"),
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
