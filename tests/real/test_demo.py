"""The whole demo on a real kube-apiserver, which calls our webhooks over TLS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.real.apiserver import RealApiServer

ROOT = Path(__file__).parents[2]


def test_the_whole_loop_runs_on_a_real_api_server(real_api: RealApiServer) -> None:
    command = [sys.executable, "-m", "infra.cli", "demo"]
    environment = {**os.environ, "KUBECONFIG": str(real_api.kubeconfig), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "the cluster of KUBECONFIG" in done.stdout
