"""The zips for Lambda, whole: fetched from where pip finds wheels, unpacked, and started on a bare Python."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.deploying.terraforming import plan_aws
from tests.infra.terraform.modules import module

CALL = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from lambda_entry import handler
http = {"method": "GET", "path": "/healthz", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"}
event = {"version": "2.0", "rawPath": "/healthz", "rawQueryString": "", "headers": {"host": "x"}}
answer = handler(event | {"requestContext": {"http": http}, "isBase64Encoded": False}, None)
print(json.dumps({"status": answer["statusCode"], "strange": [
    name for name, one in sys.modules.items() if "site-packages" in str(getattr(one, "__file__", None))
]}))
"""
TOLD = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "STORE_URL": "dynamodb:litmus-gitops",
    "MASTER_KEY": "ab" * 32,
    "ADMIN_TOKEN": "owner",
}


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="the wheels in the zips are for Linux")
def test_each_function_starts_from_its_zip_and_nothing_else(tmp_path: Path) -> None:
    plan = plan_aws(tmp_path / "build", "x86_64", [])
    assert module("aws").functions.keys() == {one.function for one in plan.packed}
    for one in plan.packed:
        with zipfile.ZipFile(one.path) as archive:
            archive.extractall(tmp_path / one.function)
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", CALL, str(tmp_path / one.function)],
            env=TOLD | {"FUNCTION_TARGET": one.function},
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, (one.function, done.stderr)
        assert {"status": 200, "strange": []} == json.loads(done.stdout), one.function
