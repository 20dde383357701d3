"""The functions on Kubernetes: what Kustomize makes of the base, and that the images' content serves."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from infra.bundling import bundle
from infra.demo.processes import Child
from infra.demo.stage import free_port
from infra.deploying.catalogue import Function, catalogue
from infra.deploying.imaging import SECRET_FILES, image_of
from infra.deployments import KUBERNETES, ROOT
from tests.infra.kubernetes.test_objects import of_kind, validated
from tests.postgresql import needs_server, server
from tests.test_docs import table

BASE, OVERLAY = ROOT / "infra" / "kubernetes", ROOT / "infra" / "overlays" / "functions"
FUNCTIONS = {one.name: one for one in catalogue(KUBERNETES)}
SERVED = {name: one for name, one in FUNCTIONS.items() if one.routes}
RESOLVING = {"dispatch", "git_push", "portal", "engine"}
ALONE = {"PYTHONSAFEPATH": "1"}
"""Modules of the folder that the tests run in are not found."""
OF_LIBPQ = {"PGPASSWORD"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    folder = tmp_path_factory.mktemp("kustomize")
    for name in ("kubernetes/functions", "overlays/functions"):
        shutil.copytree(ROOT / "infra" / name, folder / name)
    overlay = folder / "overlays" / "functions"
    for name in SECRET_FILES:
        (overlay / name).write_text("x")
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, check=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture
def deployments(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The Deployments by the function that they serve, and the engine's."""
    found = of_kind(objects, "Deployment")
    return {one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]: one for one in found}


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def told(deployment: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in container(deployment)["env"]}


def test_every_object_is_valid_and_in_the_one_namespace(objects: list[dict[str, Any]]) -> None:
    for obj in objects:
        validated(obj)
    names = [(obj["kind"], obj["metadata"]["name"]) for obj in objects]
    assert len(names) == len(set(names))
    assert {"litmus-gitops-functions"} == {obj["metadata"].get("namespace", obj["metadata"]["name"]) for obj in objects}


def test_each_function_that_answers_the_outside_is_deployed_and_the_engine_has_all(
    deployments: dict[str, dict[str, Any]],
) -> None:
    assert {*SERVED, "engine"} == deployments.keys()
    for name, one in deployments.items():
        assert f"images.example.org/{image_of(name)}:0.1.0" == container(one)["image"]


def test_the_ingress_has_the_routes_and_no_others(objects: list[dict[str, Any]]) -> None:
    (ingress,) = of_kind(objects, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    found: dict[str, set[str]] = {}
    for one in rule["http"]["paths"]:
        found.setdefault(one["backend"]["service"]["name"], set()).add(f"{one['pathType']} {one['path']}")
    assert {image_of(name): _paths(one) for name, one in SERVED.items()} == found
    services = {one["metadata"]["name"] for one in of_kind(objects, "Service")}
    assert found.keys() == services


def _paths(function: Function) -> set[str]:
    """Return a function's routes as an Ingress has them: whole, or up to what varies."""
    paths = (route.partition(" ")[2] for route in function.routes)
    return {f"Prefix {path.partition('/{')[0]}" if "{" in path else f"Exact {path}" for path in paths}


def test_no_pod_has_a_privilege(deployments: dict[str, dict[str, Any]]) -> None:
    for name, one in deployments.items():
        pod = one["spec"]["template"]["spec"]
        assert (True, False) == (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]), name
        assert {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        } == container(one)["securityContext"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container(one).keys()
        assert {"memory"} == container(one)["resources"]["limits"].keys()
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_of_each_one_stays_while_a_node_is_drained(
    objects: list[dict[str, Any]], deployments: dict[str, dict[str, Any]]
) -> None:
    kept = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]: one["spec"]["minAvailable"]
        for one in of_kind(objects, "PodDisruptionBudget")
    }
    assert dict.fromkeys(deployments, 1) == kept
    assert {2} == {one["spec"]["replicas"] for one in deployments.values()}


def test_only_those_that_need_a_secret_are_told_it(deployments: dict[str, dict[str, Any]]) -> None:
    for name, one in deployments.items():
        assert (name in {"portal", "engine"}) == ("ADMIN_TOKEN" in told(one)), name
        assert (name in RESOLVING) == ("SECRETS_DIR" in told(one)), name
        mounted = {volume["mountPath"] for volume in container(one)["volumeMounts"]}
        assert (name in RESOLVING) == ("/run/litmus-gitops/secrets" in mounted), name
        for variable in {"STORE_URL", "MASTER_KEY", "PGPASSWORD", "ADMIN_TOKEN"} & told(one).keys():
            assert "secretKeyRef" in told(one)[variable]["valueFrom"]


def test_every_variable_is_a_documented_setting(
    objects: list[dict[str, Any]], deployments: dict[str, dict[str, Any]]
) -> None:
    (settings,) = of_kind(objects, "ConfigMap")
    named = {*settings["data"], *(name for one in deployments.values() for name in told(one))}
    assert named - OF_LIBPQ <= table().keys()
    assert "false" == told(deployments["engine"])["ALLOW_LOCAL"]["value"]


def test_nothing_reaches_a_pod_but_the_ingress_its_functions(objects: list[dict[str, Any]]) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "NetworkPolicy")}
    every = policies["litmus-gitops"]
    assert ({}, ["Ingress", "Egress"], None) == (every["podSelector"], every["policyTypes"], every.get("ingress"))
    (left,) = policies["litmus-gitops-functions"]["podSelector"]["matchExpressions"]
    assert ("NotIn", ["engine"]) == (left["operator"], left["values"])


def test_the_secret_is_made_of_the_files_that_the_command_asks_for(objects: list[dict[str, Any]]) -> None:
    (secret,) = of_kind(objects, "Secret")
    assert set(SECRET_FILES) == secret["data"].keys() == set((OVERLAY / ".gitignore").read_text().split())
    overlay = yaml.safe_load((OVERLAY / "kustomization.yaml").read_text())
    assert {image_of(name) for name in (*SERVED, "engine")} == {one["name"] for one in overlay["images"]}


@needs_server()
def test_a_bundle_serves_under_gunicorn_on_postgresql_as_its_image_does(tmp_path: Path) -> None:
    database, port = server(), free_port()
    folder = bundle("git_push", tmp_path / "build", KUBERNETES)
    environment = ALONE | {
        "PYTHONPATH": str(folder),
        "FUNCTION_TARGET": "git_push",
        "STORE_URL": database.url(database.new_schema()),
        "MASTER_KEY": "ab" * 32,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    words = ["-m", "gunicorn", "--chdir", str(folder), "--config", str(folder / "serving.py")]
    with Child("git_push", words, environment, tmp_path / "log") as child:
        child.wait_until_ready(f"http://127.0.0.1:{port}/healthz")
        for probe in ("/healthz", "/readyz"):
            assert 200 == urllib3.request("GET", f"http://127.0.0.1:{port}{probe}", retries=False).status, probe
        answer = urllib3.request("POST", f"http://127.0.0.1:{port}/git/shop", json={}, retries=False)
        assert 404 == answer.status, child.printed()


def test_the_engines_image_holds_what_it_needs_and_nothing_of_the_operators(tmp_path: Path) -> None:
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", (BASE / "engine.Dockerfile").read_text(), re.MULTILINE):
        _copy(source, tmp_path / "app", target)
    assert not [path for path in (tmp_path / "app").rglob("*") if path.is_dir() and path.name in {"overlays", "aws"}]
    port = free_port()
    environment = ALONE | {"PYTHONPATH": str(tmp_path / "app"), "DATA_DIR": str(tmp_path / "data"), "PORT": str(port)}
    given = {"MASTER_KEY": "ab" * 32, "ADMIN_TOKEN": "owner", "ALLOW_LOCAL": "false"}
    with Child("the engine", ["-m", "infra.cli", "up"], environment | given, tmp_path / "log") as child:
        child.wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        assert "the one in ADMIN_TOKEN" in (tmp_path / "log").read_text()


def _copy(source: str, folder: Path, target: str) -> None:
    """Do what COPY does: a folder's content to a folder, files that match into one."""
    if (ROOT / source).is_dir():
        shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        return
    for path in ROOT.glob(source):
        (folder / target).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / target)


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "engine.Dockerfile"])
def test_an_image_is_built_of_what_it_copies_and_of_nothing_else(dockerfile: str) -> None:
    text = (BASE / dockerfile).read_text()
    copied = {source.partition("${")[0].rstrip("/") for source in re.findall(r"^COPY (\S+) ", text, re.MULTILINE)}
    ignored, *rest = (BASE / f"{dockerfile}.dockerignore").read_text().split()
    assert "*" == ignored
    assert copied == {line.removeprefix("!") for line in rest if line.startswith("!")}
    assert "USER 65532:65532" in text
    assert "--require-hashes" in text
