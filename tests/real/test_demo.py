"""The whole demo on a real kube-apiserver, which calls our webhooks over TLS."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from kubernetes.client import ApiClient, ApiException, CoreV1Api, V1Namespace, V1ObjectMeta

from tests.real.apiserver import RealApiServer

ROOT = Path(__file__).parents[2]


def test_the_whole_loop_runs_on_a_real_api_server_and_leaves_what_is_not_the_demo_s(
    real_api: RealApiServer, admin: ApiClient
) -> None:
    named = V1Namespace(metadata=V1ObjectMeta(name="litmus-gitops"))
    with suppress(ApiException):
        CoreV1Api(admin).create_namespace(named)
    command = [sys.executable, "-m", "infra.cli", "demo"]
    environment = {**os.environ, "KUBECONFIG": str(real_api.kubeconfig), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "the cluster of KUBECONFIG" in done.stdout
    left = CoreV1Api(admin).read_namespace("litmus-gitops").status
    assert left
    assert "Active" == left.phase
