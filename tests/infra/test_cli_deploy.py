"""`litmus-gitops deploy`: the real command, its bundles, and what it says is missing."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.deploying.catalogue import catalogue
from infra.deploying.imaging import SECRET_FILES
from infra.deployments import GCP, ROOT

PLACE = {"TF_VAR_project": "chaos-portal", "TF_VAR_region": "europe-west3", "TF_VAR_domain": "gitops.example.org"}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for the PATH whose terraform, docker and kubectl note what they were called with, and succeed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("terraform", "docker", "kubectl"):
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/called\n[ ! -e {tmp_path}/broken ]\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def run(*words: str, path: Path | None = None, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "TMPDIR"}}
    told = kept | {"PYTHONPATH": str(ROOT), "PATH": str(path or "/nowhere")} | env
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "deploy", *words],
        input=given,
        env=told,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def overlay(folder: Path) -> Path:
    """Make an overlay with everything that a deployment on Kubernetes asks for."""
    folder.mkdir()
    for name in ("kustomization.yaml", *SECRET_FILES):
        (folder / name).write_text("x")
    return folder


def test_google_cloud_gets_a_bundle_of_every_function_which_is_the_same_wherever_it_is_made(
    tmp_path: Path, tools: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "in" / "quite" / "another" / "place"
    done = run("gcp", "--plan", "--json", "--build", str(here), path=tools, **PLACE)
    assert (0, False) == (done.returncode, (tmp_path / "called").exists()), done.stderr
    plan = json.loads(done.stdout)
    assert [one.name for one in catalogue(GCP)] == [one["name"] for one in plan["functions"]]
    queues = ["announce", "dispatch", "reconcile", "sync", "workload_admission"]
    assert ([], queues) == (plan["missing"], plan["queues"])
    assert "git_push" == plan["routes"]["POST /git/{project}"]
    for one in plan["functions"]:
        with zipfile.ZipFile(one["path"]) as archive:
            assert {"main.py", "requirements.txt", "shared/__init__.py"} <= set(archive.namelist()), one["name"]

    done = run("gcp", "--build", str(there), path=tools, given="y\n", **PLACE)
    assert 0 == done.returncode, done.stderr
    digests = {one["name"]: one["sha256"] for one in plan["functions"]}
    assert digests == {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in there.glob("*.zip")}
    assert len(digests) == len(set(digests.values()))
    told = there / "bundles.tfvars.json"
    assert str(there) == json.loads(told.read_text())["bundles"]
    module = ROOT / "infra" / "gcp"
    assert [f"terraform -chdir={module} init", f"terraform -chdir={module} apply -var-file={told}"] == (
        (tmp_path / "called").read_text().splitlines()
    )


def test_what_is_missing_is_told_with_the_mend_and_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "mine.tfvars").write_text('project = "chaos-portal"\nregion= "europe-west3"\n')
    done = run("gcp", "--yes", "--var-file", str(tmp_path / "mine.tfvars"), "--build", str(tmp_path / "b"))
    assert 1 == done.returncode
    missing = done.stdout.partition("Missing:\n")[2].splitlines()
    assert ["terraform is not on the PATH", 'domain is not said: write domain = "…" into '] == [
        line.strip()[: len(start)]
        for line, start in zip(
            missing, ("terraform is not on the PATH", 'domain is not said: write domain = "…" into '), strict=True
        )
    ]
    assert "nothing was deployed: mend what is missing" in done.stderr
    assert " apply -auto-approve -var-file=" in done.stdout
    assert "  POST /git/{project}                 git_push\n" in done.stdout


def test_kubernetes_gets_an_image_a_function_and_the_engines_only_after_a_yes(tmp_path: Path, tools: Path) -> None:
    mine = overlay(tmp_path / "mine")
    words = ("kubernetes", "--registry", "r.example.org", "--version", "7", "--overlay", str(mine), "--json")
    done = run(*words, "--build", str(tmp_path / "b"), path=tools, given="n\n")
    assert (1, False) == (done.returncode, (tmp_path / "called").exists())
    plan = json.loads(done.stdout)
    served = {one["name"] for one in plan["functions"] if one["path"]}
    assert {one["name"] for one in plan["functions"] if one["routes"]} == served
    pushed = [words.rpartition(" ")[2] for words in plan["commands"] if " push " in words]
    assert {f"r.example.org/litmus-gitops-{one.replace('_', '-')}:7" for one in served | {"engine"}} == set(pushed)
    assert (f"kubectl apply -k {mine}", []) == (plan["commands"][-1], plan["missing"])
    assert (tmp_path / "b" / "portal" / "serving.py").is_file()


def test_a_command_that_fails_ends_it(tmp_path: Path, tools: Path) -> None:
    (tmp_path / "broken").touch()
    words = ("kubernetes", "--yes", "--overlay", str(overlay(tmp_path / "mine")), "--build", str(tmp_path / "b"))
    done = run(*words, path=tools)
    assert (1, 1) == (done.returncode, len((tmp_path / "called").read_text().splitlines()))
    assert "docker ended with 1: what was done so far stays" in done.stderr
    assert "  sync                in the engine\n" in done.stdout


def test_what_pip_cannot_fetch_ends_a_plan_for_aws(tmp_path: Path, tools: Path) -> None:
    done = run("aws", "--plan", "--build", str(tmp_path), path=tools, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert 1 == done.returncode
    assert "pip cannot fetch what Python" in done.stderr
