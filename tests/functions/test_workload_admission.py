"""`workload_admission` as an API server meets it: the function itself, over HTTP, with its store."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from infra.local.folder import furnish
from tests.functions.clusters import FUNCTIONS, Gate, altered, gate, recorded
from tests.servers import SERVERS, ask, say

FOREIGN = ("kubernetes", "github", "gitlab", "boto3", "botocore", "yaml", "ruamel", "pydantic", "dulwich", "croniter")
MIB = 1 << 20


@pytest.fixture(params=sorted(SERVERS))
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gate]:
    with gate(tmp_path, "admission", cast("str", request.param)) as found:
        yield found


def test_a_review_is_allowed_and_what_it_tells_is_decided(door: Gate) -> None:
    body = recorded("admission", "deployment-image")
    answer = door.send(body)
    assert answer.json() == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": json.loads(body)["request"]["uid"], "allowed": True},
    }
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    door.decide()
    (row,) = door.rows()
    assert ("triggered", "Deployment/default/web") == (row.verdict, row.subject)
    assert door.asked() == [{"project": "shop", "change": row.id}]


def test_the_recorded_sequence_decides_over_http_as_it_should(door: Gate) -> None:
    names = ["create", "image", "scale-subresource", "env", "annotation-only", "image-dry-run", "apply-no-change"]
    names += ["replicas", "opt-out", "image-opted-out", "image-not-annotated", "delete"]
    for name in names:
        assert door.send(recorded("admission", f"deployment-{name}")).json()["response"]["allowed"] is True
    door.decide()
    expected = ["ignored", *["triggered"] * 3, "ignored", "ignored", "triggered", *["ignored"] * 3]
    assert expected == [row.verdict for row in door.rows()]


def test_one_change_told_many_times_at_once_triggers_once(door: Gate) -> None:
    body = recorded("admission", "deployment-image")
    bodies = [altered(body, uid=f"retry-{number}") for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda one: door.send(one).status, bodies))
    assert [200] * 12 == statuses
    door.decide()
    assert ["triggered"] == [row.verdict for row in door.rows()]


def test_a_gzipped_review_is_read(door: Gate) -> None:
    answer = door.send(gzip.compress(recorded("admission", "deployment-image")), Content_Encoding="gzip")
    door.decide()
    assert (200, 1) == (answer.status, len(door.rows()))


@pytest.mark.parametrize(
    ("body", "headers", "status", "sentence"),
    [
        pytest.param(b"", {}, 400, "no AdmissionReview", id="empty"),
        pytest.param(b"{}", {}, 400, "no AdmissionReview", id="something else"),
        pytest.param(recorded("admission", "deployment-image")[:700], {}, 400, "no AdmissionReview", id="cut off"),
        pytest.param(recorded("audit", "create-image-scale-env"), {}, 400, "EventList", id="another message"),
        pytest.param(b"{}", {"Content_Type": "text/plain"}, 415, "application/json", id="another media type"),
        pytest.param(b"{}", {"Content_Encoding": "br"}, 415, "gzip", id="another encoding"),
        pytest.param(b"{}", {"Content_Encoding": "gzip"}, 400, "gzip", id="not what it says"),
        pytest.param(b" " * (8 * MIB + 1), {}, 413, "8388608", id="too large"),
        pytest.param(gzip.compress(b" " * (9 * MIB)), {"Content_Encoding": "gzip"}, 413, "8388608", id="a bomb"),
        pytest.param(b"{}", {"token": "x" * 43}, 401, "no such cluster", id="a wrong token"),
    ],
)
def test_what_is_no_review_of_ours_is_refused(
    door: Gate, body: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    answer = door.send(body, **headers)
    assert status == answer.status
    assert sentence in answer.json()["detail"]
    assert door.rows() == []


def test_only_post_to_a_whole_address_is_answered(door: Gate) -> None:
    assert ask(door.port, "GET", f"/admission/c1/{door.token}").status == 405
    assert ask(door.port, "POST", "/admission/c1", b"{}", content_type="application/json").status == 404


def test_a_review_that_breaks_off_is_refused(door: Gate) -> None:
    head = f"POST /admission/c1/{door.token} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answer = say(door.port, head.encode() + b"Content-Length: 5000\r\n\r\n" + b'{"kind":')
    assert answer == b"" or b" 400 " in answer.splitlines()[0]
    assert door.rows() == []


@pytest.mark.parametrize("function", ["workload_admission", "workload_audit"])
def test_the_function_loads_nothing_that_it_does_not_need(function: str, tmp_path: Path) -> None:
    furnish(tmp_path)
    script = (
        "import json, runpy, sys\n"
        f"runpy.run_path({str(FUNCTIONS / function / 'main.py')!r})\n"
        f"print(json.dumps([name for name in {FOREIGN!r} if name in sys.modules]))\n"
    )
    env = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(FUNCTIONS.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
