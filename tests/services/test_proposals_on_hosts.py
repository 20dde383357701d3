"""The life of a proposed edit on each host that has pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.rules.edits import blob_id
from tests.clients.hosts.parties import PARTIES
from tests.services.forge import Forge
from tests.services.gitops import ADA, FOLDER, engine

BASE = engine("cart", "L")
MINE = BASE.replace("litmus-admin", "mine")
MORE = MINE.replace("pod-delete", "pod-cpu-hog")


@pytest.fixture(params=list(PARTIES))
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forge]:
    """The project with one synced experiment, `L` in cart.yaml, and a main that nobody may push to."""
    made = Forge(tmp_path, PARTIES[request.param])
    made.write(cart=BASE)
    made.push()
    made.work()
    made.protect()
    yield made
    made.close()


def test_two_edits_of_a_protected_branch_are_one_request_and_arrive_by_its_merge(forge: Forge) -> None:
    forge.configure(write_back="commit")
    first = forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    second = forge.edits.save("shop", "L", MORE.encode(), None, ADA)
    assert first.pull
    assert [first.pull] == list(forge.host.open_heads("main"))
    pull = forge.host.pull(first.pull)
    assert (first.pull, pull.source, f"Change {FOLDER}/cart.yaml") == (second.pull, forge.branches()[0], pull.title)
    assert (pull.head, pull.base, MORE) == (forge.open_edits()[1].commit, forge.head(), forge.text_on(pull.source))
    (forge.bare / "hooks" / "pre-receive").unlink()
    forge.merged(first.pull)
    shown = forge.experiments()["cart"]
    assert ("synced", blob_id(MORE.encode()), []) == (shown.state, shown.blob, forge.open_edits())


def test_an_edit_whose_request_is_closed_is_dropped_as_the_timer_finds(forge: Forge) -> None:
    saved = forge.edits.save("shop", "L", MINE.encode(), None, ADA)
    assert saved.pull
    forge.tick()
    assert [saved.pull] == [edit.pull for edit in forge.open_edits()]
    forge.host.close_pull(saved.pull)
    forge.tick()
    assert ([], "synced", BASE) == (forge.open_edits(), forge.experiments()["cart"].state, forge.shown("cart"))
