"""The demo shows the whole loop, and names the step that fails when a part of it is broken."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.demo import manifests, script
from infra.demo.script import STEPS, Step, walk
from infra.demo.stage import Stage

SHORT = 4.0


def _walk(folder: Path, steps: tuple[Step, ...] = STEPS, **stage: object) -> int:
    with ExitStack() as parts:
        return walk(Stage(folder, parts, **stage), steps)  # type: ignore[arg-type]


def _before(step: Step, sabotage: Step) -> tuple[Step, ...]:
    at = STEPS.index(step)
    return (*STEPS[:at], sabotage, *STEPS[at:])


def _failed(capsys: pytest.CaptureFixture[str]) -> str:
    found = re.search(r"✗ (\w+)", capsys.readouterr().err)
    return found.group(1) if found else "nothing failed"


def test_the_whole_loop_is_observed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == _walk(tmp_path)
    assert [step.__name__ for step in STEPS] == re.findall(r"✓ (\w+)", capsys.readouterr().out)


def test_a_stopped_subscriber_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def stop_it(stage: Stage) -> str:
        """The subscriber stops."""
        assert stage.subscriber is not None
        stage.subscriber.stop()
        return "stopped"

    assert 1 == _walk(tmp_path, _before(script.change, stop_it), patience=SHORT)
    assert "order" == _failed(capsys)


def test_a_broken_secret_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def break_it(stage: Stage) -> str:
        """The git host's secret is another one."""
        other = stage.folder / "another-secret"
        other.write_text("another")
        stage.git("config", "litmus.secretFile", str(other), at=stage.bare)
        return "broken"

    assert 1 == _walk(tmp_path, _before(script.push, break_it), patience=SHORT)
    assert "push" == _failed(capsys)


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(manifests.EXPERIMENT.replace("entrypoint: chaos", "entrypoint: none"), id="no-such-template"),
        pytest.param(manifests.EXPERIMENT.replace("spec:", "spec", 1), id="no-yaml"),
    ],
)
def test_a_corrupted_manifest_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: str) -> None:
    assert 1 == _walk(tmp_path, experiment=manifest, patience=SHORT)
    assert "push" == _failed(capsys)
