"""Virtual environments with nothing in them but what a bundle's own requirements name, and servers started in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.bench.processes import HOST, answers, free_port

SECONDS = 60.0
_PIP = ("-m", "pip", "--python")
_QUIETLY = ("install", "-q", "--disable-pip-version-check", "--no-compile", "--require-hashes", "--no-deps", "-r")
"""Whatever is missing among the pins is missing in the environment: pip adds nothing by itself."""


def environment(bundle: Path, folder: Path) -> Path:
    """Install a bundle's requirements into a new virtual environment, and return its interpreter."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    words = [sys.executable, *_PIP, str(python), *_QUIETLY, str(bundle / "requirements.txt")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return python


@contextmanager
def running(python: Path, bundle: Path, words: list[str], told: Mapping[str, str]) -> Iterator[int]:
    """Start `python -m WORDS` in a bundle, with the port where it says PORT; give the port once `/healthz` answers."""
    port = free_port()
    log = bundle.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", *(word.replace("PORT", str(port)) for word in words)],
            cwd=bundle,
            env={"PATH": os.environ["PATH"], "HOST": HOST, "PORT": str(port), **told},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()
