"""Bundles: each function alone in a folder, with just what it needs, and pins that never drift."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bundling
from infra.bench.processes import DidNotStart, serving
from infra.deployments import AWS, DEPLOYMENTS, GCP, KUBERNETES, LOCAL, ROOT, Deployment
from infra.importing import reached
from shared.errors import Misconfigured
from tests.infra.sites import PIN, only_pinned, settings
from tests.servers import ask

NAMES = bundling.names()
SLOW = {"pydantic", "dulwich", "kubernetes", "croniter", "ruamel", "github", "gitlab"}
"""Packages that many calls do without."""

OF_PLATFORMS = {"botocore": [AWS], "apig-wsgi": [AWS], "psycopg-binary": [GCP, KUBERNETES], "google-auth": [GCP]}
"""Distributions that only some deployments need."""


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_serves_alone_with_its_pins_and_nothing_else(name: str, tmp_path: Path) -> None:
    bundle = bundling.bundle(name, tmp_path / "build")
    site, data = only_pinned(bundle, tmp_path / "site"), tmp_path / "data"
    data.mkdir()
    with serving(name, bundle, [bundle, site], settings(data), tmp_path / "log") as started:
        answer = ask(started.port, "GET", "/healthz")
        assert (200, {"status": "ok"}) == (answer.status, answer.json())


@pytest.mark.parametrize("name", NAMES)
def test_a_function_starts_without_what_is_slow_to_load(name: str, tmp_path: Path) -> None:
    load = f"import functions_framework, sys; functions_framework.create_app({name!r}, sys.argv[1], 'http')"
    words = [sys.executable, "-c", f"{load}; print(*sys.modules)", str(bundling.FUNCTIONS / name / "main.py")]
    told = {**os.environ, "PYTHONPATH": str(ROOT), **settings(tmp_path)}
    loaded = subprocess.run(words, env=told, check=True, capture_output=True, text=True).stdout.split()
    assert not SLOW & set(loaded)


@pytest.mark.parametrize("name", NAMES)
def test_the_pins_of_a_function_are_those_of_the_lock(name: str) -> None:
    path = bundling.FUNCTIONS / name / "requirements.txt"
    assert bundling.requirements(name) == path.read_text(), "run `make lock`"


@pytest.mark.parametrize("name", NAMES)
def test_a_function_folder_holds_three_files(name: str) -> None:
    found = {path.name for path in (bundling.FUNCTIONS / name).iterdir()} - {"__pycache__"}
    assert {"main.py", "requirements.txt", "README.md"} == found


@pytest.mark.parametrize("name", NAMES)
def test_main_is_short_and_has_a_target_of_its_folders_name(name: str) -> None:
    text = (bundling.FUNCTIONS / name / "main.py").read_text()
    assert len(text.splitlines()) <= 40
    assert re.search(rf"^{name} = function\(", text, re.MULTILINE)


def test_a_bundle_holds_what_is_reached_and_no_more(tmp_path: Path) -> None:
    bundle = bundling.bundle("git_push", tmp_path)
    found = {str(path.relative_to(bundle)) for path in bundle.rglob("*.py")}
    assert {"main.py", "shared/__init__.py", "shared/services/pushes.py", "shared/clients/sqlite/store.py"} <= found
    assert not [
        path for path in found if path.startswith(("shared/services/api", "infra", "tests", "shared/wire/yaml"))
    ]


def test_an_import_within_a_function_is_reached_too() -> None:
    found = reached(bundling.FUNCTIONS / "git_push" / "main.py")
    assert ROOT / "shared" / "clients" / "sqlite" / "database.py" in found


def test_files_that_modules_read_come_along(tmp_path: Path) -> None:
    bundle = bundling.bundle("portal", tmp_path)
    suffixes = {path.suffix for path in bundle.rglob("*") if path.is_file()}
    assert {".html", ".css", ".js"} <= suffixes


def test_bytecode_comes_along_and_is_never_checked_against_its_source(tmp_path: Path) -> None:
    bundle = bundling.bundle("git_push", tmp_path)
    sources = list(bundle.rglob("*.py"))
    for source in sources:
        flags = Path(importlib.util.cache_from_source(str(source))).read_bytes()[4:8]
        assert 0b01 == int.from_bytes(flags, "little"), source
    assert len(sources) > 20


def test_bundling_again_leaves_nothing_of_the_former(tmp_path: Path) -> None:
    bundle = bundling.bundle("git_push", tmp_path)
    (bundle / "shared" / "left_over.py").write_text("")
    assert not (bundling.bundle("git_push", tmp_path) / "shared" / "left_over.py").exists()


def test_pins_are_exact_and_hashed() -> None:
    text = bundling.requirements("git_push")
    assert {"functions-framework", "flask", "msgspec"} <= set(PIN.findall(text))
    assert not {"kubernetes", "pydantic", "pyyaml"} & set(PIN.findall(text))
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:])


def test_a_function_that_is_none_is_named_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Misconfigured, match=r"no function 'git_pull' on local: there are .*git_push"):
        bundling.bundle("git_pull", tmp_path)
    assert 1 == bundling.main(["make", "../git_push", str(tmp_path)])
    assert "there is no function" in capsys.readouterr().err


def test_the_command_makes_a_bundle_and_explains_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == bundling.main(["make", "git_push", str(tmp_path)])
    assert f"{tmp_path / 'git_push'}\n" == capsys.readouterr().out
    assert 2 == bundling.main(["make"])
    assert "python -m infra.bundling" in capsys.readouterr().err


@pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_a_bundle_has_the_engine_of_its_deployment_and_no_other(deployment: Deployment, tmp_path: Path) -> None:
    bundle = bundling.bundle("git_push", tmp_path, deployment)
    engines = {path.parent.name for path in bundle.glob("shared/clients/*/__init__.py")}
    assert {part.rpartition(".")[2] for part in deployment.parts} >= engines
    assert (deployment == LOCAL) == ("sqlite" in engines)
    pins = set(PIN.findall((bundle / "requirements.txt").read_text()))
    wanted = {name for name, places in OF_PLATFORMS.items() if deployment in places}
    assert wanted == pins & OF_PLATFORMS.keys()


def test_the_entry_of_a_platform_lies_beside_main(tmp_path: Path) -> None:
    found = {path.name for path in bundling.bundle("subscriber", tmp_path, KUBERNETES).iterdir()}
    assert {"main.py", "serving.py", "requirements.txt", "shared"} <= found


def test_what_runs_in_clusters_is_not_bundled_for_a_cloud(tmp_path: Path) -> None:
    assert "subscriber" in bundling.names(KUBERNETES)
    with pytest.raises(Misconfigured, match="no function 'subscriber' on gcp: there are announce, dispatch"):
        bundling.bundle("subscriber", tmp_path, GCP)


def test_choosing_an_engine_that_was_left_out_says_so(tmp_path: Path) -> None:
    bundle = bundling.bundle("git_push", tmp_path / "build", KUBERNETES)
    site = only_pinned(bundle, tmp_path / "site")
    with (
        pytest.raises(DidNotStart) as ended,
        serving("git_push", bundle, [bundle, site], settings(tmp_path), tmp_path / "log"),
    ):
        pass
    told = "STORE_URL chooses 'sqlite', but shared.clients.sqlite was left out of this bundle"
    assert told in str(ended.value)


def test_the_command_takes_a_deployment_and_tells_of_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == bundling.main(["make", "run_report", str(tmp_path), "--for", "kubernetes"])
    assert (tmp_path / "run_report" / "serving.py").exists()
    assert 1 == bundling.main(["make", "run_report", str(tmp_path), "--for", "azure"])
    assert "no deployment 'azure': there are local, aws, gcp, kubernetes" in capsys.readouterr().err


def test_the_sizes_of_bundles_are_of_all_that_is_installed() -> None:
    found = {size.function: size for size in bundling.sizes(LOCAL, ["git_push", "subscriber"])}
    assert found["subscriber"].own > found["git_push"].own > 100_000
    assert found["subscriber"].pinned > found["git_push"].pinned > 1_000_000
    head, row = bundling.table(bundling.sizes(LOCAL, ["git_push"]))
    assert ["function", "own", "pinned", "distributions"] == head.split()
    assert ["git_push", "KiB", "MiB"] == row.split()[:1] + row.split()[2::2]
