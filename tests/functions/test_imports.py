"""What each function must not import to start: cold starts pay for every module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functions.receiving import prepare

ROOT = Path(__file__).parents[2]
HOSTS = {"github", "gitlab", "boto3", "kubernetes"}
PARSERS = {"yaml", "ruamel", "pydantic"}
CLIENTS = {"dulwich", "urllib3", "requests"}
FORBIDDEN = {
    "git_push": HOSTS | PARSERS | CLIENTS,
    "workload_admission": HOSTS | PARSERS | CLIENTS,
    "workload_audit": HOSTS | PARSERS | CLIENTS,
    "run_report": HOSTS | PARSERS | CLIENTS,
    "announce": HOSTS | PARSERS,
    "dispatch": HOSTS | {"pydantic"},
    "reconcile": HOSTS | PARSERS,
    "sync": HOSTS | {"pydantic"},
    "portal": HOSTS,
}
SHOW = "import sys; sys.path.append(sys.argv[1]); import main; print(*{name.partition('.')[0] for name in sys.modules})"


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_function_starts_without_what_only_others_need(name: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    told = {"DATA_DIR": str(tmp_path), "ADMIN_TOKEN": "owner", "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    words = [sys.executable, "-c", SHOW, str(ROOT / "functions" / name)]
    done = subprocess.run(words, env=told, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    assert "shared" in done.stdout.split()
    assert [] == sorted(FORBIDDEN[name] & set(done.stdout.split()))
