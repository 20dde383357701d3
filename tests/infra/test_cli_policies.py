"""`litmus-gitops policy`: tried on files, without a server, and on what a project recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.infra.commanding import Done, Served, command, served
from tests.services.gitops import POLICY

REVIEWS = Path(__file__).parents[1] / "deliveries" / "admission"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: {litmuschaos.io/gitops: "true", litmuschaos.io/workflow: web-pod-delete}
spec:
  template:
    spec:
      containers: [{name: app, image: "app:1"}]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in {"policy": POLICY, "old": WEB, "new": WEB.replace("app:1", "app:2")}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def tried(files: Path, *words: str) -> Done:
    return command("policy", "test", "policy.yaml", *words, cwd=files)


def test_a_policy_is_tried_on_two_files(files: Path) -> None:
    [row] = json.loads(tried(files, "--old", "old.yaml", "--new", "new.yaml", "--json").out)
    assert (True, "Deployment/shop/web", ["web-pod-delete"]) == (row["fires"], row["subject"], row["experiments"])
    assert ("app:2", "app:1") == (row["conditions"][0]["found"], row["conditions"][0]["before"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--old", "old.yaml", "--new", "new.yaml", "--expect", "fires"), 0, id="fires"),
        pytest.param(("--old", "old.yaml", "--new", "new.yaml", "--expect", "ignored"), 1, id="fires, but should not"),
        pytest.param(("--old", "old.yaml", "--new", "old.yaml", "--expect", "ignored"), 0, id="no change"),
        pytest.param(("--old", "old.yaml", "--new", "old.yaml", "--expect", "fires"), 1, id="no change, but should"),
        pytest.param(("--new", "new.yaml", "--expect", "ignored"), 0, id="a creation"),
        pytest.param((), 2, id="no change given"),
        pytest.param(("--new", "new.yaml", "--review", "new.yaml"), 2, id="two kinds of change"),
        pytest.param(("--new", "none.yaml"), 2, id="no such file"),
    ],
)
def test_the_exit_status_is_what_was_expected(files: Path, words: tuple[str, ...], code: int) -> None:
    assert code == tried(files, *words).code


def test_what_a_secret_holds_is_unknown(files: Path) -> None:
    condition = "{key: data.level, operator: NotEqualTo, value: MQ==}"
    head = POLICY.partition("spec:")[0]
    (files / "policy.yaml").write_text(f"{head}spec:\n  conditions: [{condition}]\n")
    for name, value in (("old", "Mg=="), ("new", "Mw==")):
        secret = WEB.replace("apps/v1", "v1").replace("Deployment", "Secret").partition("spec:")[0]
        (files / f"{name}.yaml").write_text(f"{secret}data: {{level: {value}}}\n")
    assert "unknown" in tried(files, "--old", "old.yaml", "--new", "new.yaml").out


def test_a_policy_is_tried_on_recorded_reviews(files: Path) -> None:
    names = ("deployment-image", "deployment-env", "deployment-create-not-annotated")
    words = [word for name in names for word in ("--review", str(REVIEWS / f"{name}.json"))]
    assert [True, False, False] == [row["fires"] for row in json.loads(tried(files, *words, "--json").out)]
    assert "yes" in tried(files, *words).out


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        pytest.param("policy", "kind: EventTrackerPolicy\n\tx: 1\n", "policy.yaml:2:1", id="a broken policy"),
        pytest.param("policy", WEB, "no experiment", id="no policy"),
        pytest.param("new", "[1]", "new.yaml is no object", id="no object"),
        pytest.param("new", "a: [", "new.yaml is no object: line", id="no YAML"),
    ],
)
def test_what_cannot_be_read_is_named(files: Path, name: str, text: str, says: str) -> None:
    (files / f"{name}.yaml").write_text(text)
    done = tried(files, "--new", "new.yaml")
    assert 1 == done.code
    assert says in done.err


def test_what_is_no_review_is_named(files: Path) -> None:
    done = tried(files, "--review", "new.yaml")
    assert 1 == done.code
    assert "no AdmissionReview" in done.err


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        yield made


def test_a_policy_is_tried_on_what_a_project_recorded(portal: Served, files: Path) -> None:
    cluster = portal.api("POST", "/projects/shop/clusters", {"id": "c1", "name": "c1"})
    url = portal.engine.url + urlsplit(cluster["admission_url"]).path
    review = (REVIEWS / "deployment-image.json").read_bytes()
    assert 200 == urllib3.request("POST", url, body=review, headers={"Content-Type": "application/json"}).status
    words = ("policy", "simulate", str(files / "policy.yaml"), "-p", "shop")
    [row] = json.loads(portal(*words, "--json").out)
    assert row["fires"]
    assert "1 of 1 changes would have started something" in portal(*words).out
    assert "0 of 0 changes" in portal(*words, "--since", "2999-01-01T00:00:00Z").out
