"""How properties and histories are tried.

Properties take the same examples every time by default, others with `--hypothesis-profile searching`. What is drawn by
a seed takes another one in each run, which the run's last lines tell; `SEED` in the environment repeats a run.
"""

import gc
import os
import time
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("searching", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

os.environ["SEED"] = os.environ.get("SEED") or str(time.time_ns() // 1_000 % 1_000_000)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let garbage be: looking again and again through all that is kept would take a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the seed, of a run that passes too."""
    terminalreporter.write_line(f"this run drew by SEED={os.environ['SEED']}")
