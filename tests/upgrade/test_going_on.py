"""Today's release takes over where a former one stopped: nothing is lost, nothing is done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.clients.sqlite import SqliteQueue, open_database
from tests.gitserver import git
from tests.infra.loop import OWNER, Loop, until
from tests.upgrade.restoring import RELEASES, recorded, restore


@pytest.mark.parametrize("release", RELEASES, ids=[path.stem for path in RELEASES])
def test_what_a_former_release_left_is_gone_on_with(release: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").mkdir()
    loop = Loop(tmp_path / "loop")
    loop.folder = tmp_path
    with loop.subscriber:
        left = recorded(release, tmp_path, loop.subscriber.url)
        restore(left, tmp_path)
        with Engine(
            LocalSettings(data_dir=tmp_path / "data", port=loop.port, admin_token=OWNER, threads=8, couriers=4)
        ):
            _goes_on(loop, left)
    assert [] == SqliteQueue(open_database(tmp_path / "data" / "litmus-gitops.db")).dead("", 10)


def _goes_on(loop: Loop, left: dict[str, Any]) -> None:
    [run] = _records(left, "run/shop")
    until(lambda: "after-1" in {row["id"] for row in loop.rows("experiments")}, "the push that was not synced yet")
    assert ("running", "Awaited") == _state(loop, run["id"])
    assert loop.subscriber._told(run["order"])  # noqa: SLF001 - its report, which the former release never got
    until(lambda: _state(loop, run["id"])[0] == "completed", "the run to end")
    until(lambda: run["id"] in _notes(loop.folder, run["commit"]), "the note on the commit")
    assert [run["id"]] == [row["id"] for row in loop.rows("runs")]
    assert run["order"] not in loop.subscriber.orders
    assert {row["id"] for row in _records(left, "ledger/shop")} <= {row["id"] for row in loop.rows("events?limit=500")}


def _records(left: dict[str, Any], partition: str) -> list[dict[str, Any]]:
    return [value for name, _, value, _ in left["records"] if name.startswith(partition)]


def _state(loop: Loop, run: str) -> tuple[str, str]:
    [row] = [row for row in loop.rows("runs") if row["id"] == run]
    return row["state"], row["verdict"]


def _notes(folder: Path, commit: str) -> str:
    refs = git("for-each-ref", "refs/notes/litmus", cwd=folder / "chaos.git")
    return git("notes", "--ref", "litmus", "show", commit, cwd=folder / "chaos.git") if refs else ""
