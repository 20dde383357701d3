"""Both modules: what they name is there, and they deploy what the sources say that the functions are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.deploying.catalogue import Function, catalogue
from infra.deployments import DEPLOYMENTS
from tests.infra.terraform.modules import ROOT, Module, evaluated, module, references
from tests.test_docs import table

PLATFORMS = ["aws", "gcp"]
terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
PAGES = {"aws": "aws.md", "gcp": "google-cloud.md"}
SECRETS = {"the master key": "master-key", "the owner's token": "admin-token", "projects' secrets": "projects"}
OF_OTHERS = {"FUNCTION_TARGET", "GOOGLE_FUNCTION_SOURCE", "PGPASSWORD"}
"""Variables of functions-framework, of Google's builder and of libpq."""
RESOLVING = {"announce", "dispatch", "git_push", "portal", "reconcile", "sync"}


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def made(platform: str) -> Module:
    return module(platform)


@pytest.fixture
def functions(platform: str) -> list[Function]:
    return catalogue(DEPLOYMENTS[platform])


def test_everything_that_is_referred_to_is_there_and_everything_there_is_used(made: Module) -> None:
    there = {block.address for block in made.blocks}
    there |= {f"var.{name}" for name in made.variables} | {f"local.{name}" for name in made.locals}
    named = references(made.text)
    assert set() == named - there
    assert set() == {name for name in there if name.startswith(("var.", "local.", "data.", "ephemeral."))} - named


def test_the_same_name_is_given_once(made: Module) -> None:
    addresses = [block.address for block in made.blocks]
    assert len(addresses) == len(set(addresses))


def test_every_variable_and_output_is_described_and_what_can_be_wrong_is_validated(made: Module) -> None:
    assert [] == [name for name, one in (made.variables | made.outputs).items() if not one.get("description")]
    assert [] == [name for name, one in made.variables.items() if "type" not in one]
    free = {name for name, one in made.variables.items() if "validation" not in one}
    assert free <= {"bundles", "deletion_protection", "labels", "network", "notification_channels", "tags"}


def test_exactly_the_functions_of_the_platform_are_deployed(made: Module, functions: list[Function]) -> None:
    assert {one.name for one in functions} == made.functions.keys()
    assert {path.parent.name for path in ROOT.glob("functions/*/main.py")} - {"subscriber"} == made.functions.keys()


def test_a_function_may_send_to_those_that_its_source_sends_messages_to(
    made: Module, functions: list[Function]
) -> None:
    assert {one.name: list(one.sends) for one in functions} == {
        name: one["sends"] for name, one in made.functions.items()
    }


def test_only_those_that_resolve_references_may_read_projects_secrets(made: Module) -> None:
    mains = {name: (ROOT / "functions" / name / "main.py").read_text() for name in made.functions}
    assert {name for name, text in mains.items() if "open_secrets" in text} == RESOLVING
    for name, one in made.functions.items():
        wanted = {"master-key"} | ({"projects"} if name in RESOLVING else set())
        assert wanted | ({"admin-token"} if name == "portal" else set()) == set(one["secrets"]), name


def test_the_page_says_who_wakes_whom_and_reads_what(made: Module, platform: str) -> None:
    text = (ROOT / "docs" / PAGES[platform]).read_text()
    (told,) = re.findall(r"^\| function \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row.strip("|").split("|") for row in told.splitlines()]
    assert made.functions.keys() == {name for names, _, _ in rows for name in re.findall(r"`(\w+)`", names)}
    everyone = sorted({name for one in made.functions.values() for name in one["sends"]})
    for names, wakes, reads in rows:
        for name in re.findall(r"`(\w+)`", names):
            one = made.functions[name]
            assert one["sends"] == (everyone if wakes.strip() == "all" else sorted(re.findall(r"`(\w+)`", wakes))), name
            assert sorted(SECRETS[secret.strip()] for secret in reads.split(",")) == sorted(one["secrets"]), name


def test_the_public_address_is_told_to_those_that_read_it(made: Module) -> None:
    readers = table()["PUBLIC_URL"].readers - {"engine"}
    assert readers == {name for name, one in made.functions.items() if one["public"]}


def test_every_variable_that_functions_are_told_is_a_documented_setting(made: Module) -> None:
    told = set(re.findall(r"(?<![$\w])([A-Z][A-Z_]+) *= ", made.text))
    told |= set(re.findall(r'key += "([A-Z_]+)"', made.text))
    assert {"STORE_URL", "MASTER_KEY", "ADMIN_TOKEN", "PUBLIC_URL"} <= told
    assert told - OF_OTHERS <= table().keys()


def test_no_secret_is_written_through_the_state(made: Module) -> None:
    for block in made.blocks:
        assert not {"secret_string", "secret_data", "password"} & block.body.keys(), block.address
    assert not [block for block in made.blocks if block.kind == "resource" and block.type.startswith("random_")]


def test_every_route_leads_to_the_function_that_answers_it(
    made: Module, platform: str, functions: list[Function]
) -> None:
    written = {"aws": "routes", "gcp": "paths"}[platform]
    assert {one.name: {_spelt(route, platform) for route in one.routes} for one in functions} == {
        name: set(one[written]) for name, one in made.functions.items()
    }


@terraform
def test_the_files_are_as_terraform_formats_them(made: Module) -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", str(made.folder)], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stdout)


@terraform
def test_terraform_itself_finds_the_same_routes_and_receivers(
    made: Module, platform: str, functions: list[Function], tmp_path: Path
) -> None:
    routes = "local.routes" if platform == "aws" else "{ for name, one in local.served : name => one.paths }"
    found = evaluated(made, f"{{ receivers = keys(local.receivers), routes = {routes} }}", tmp_path)
    assert sorted(one.name for one in functions if one.receives) == found["receivers"]
    served = {one.name: list(one.routes) for one in functions if one.routes}
    spelt = found["routes"] if platform == "gcp" else _by_function(found["routes"])
    assert {name: sorted({_spelt(route, platform) for route in routes}) for name, routes in served.items()} == {
        name: sorted(paths) for name, paths in spelt.items()
    }
    assert not [path for paths in spelt.values() for path in paths if "internal" in path or "metrics" in path]


@terraform
def test_what_a_function_gets_can_be_set_one_by_one(made: Module, tmp_path: Path) -> None:
    given = {"functions": '{"sync": {"timeout": 77}}'}
    found = evaluated(made, "local.functions_with_options", tmp_path, **given)
    assert (77, made.functions["dispatch"]["timeout"]) == (found["sync"]["timeout"], found["dispatch"]["timeout"])
    assert made.functions["sync"]["memory"] == found["sync"]["memory"]


@terraform
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        pytest.param("name", "Litmus GitOps", "lower-case letters", id="name"),
        pytest.param("runtime", "python3.10", "The runtime is", id="runtime"),
        pytest.param("region", "Frankfurt", "A region looks like", id="region"),
        pytest.param("functions", '{"git_pull": {}}', "There is no such function", id="function"),
        pytest.param("functions", '{"sync": {"timeout": 901}}', "seconds", id="timeout"),
        pytest.param("settings", '{"STORE_URL": "sqlite:x"}', "are set by the module", id="setting"),
        pytest.param("project_secrets", '["a b"]', "secret's", id="secret"),
    ],
)
def test_a_wrong_value_is_refused_with_the_mend(
    made: Module, variable: str, value: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=told):
        evaluated(made, "1", tmp_path, **{variable: value})


def _by_function(routes: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for route, function in routes.items():
        found.setdefault(function, []).append(route)
    return found


def _spelt(route: str, platform: str) -> str:
    """Return a route as the platform spells it: a route key of the API, or a path of the load balancer."""
    if platform == "aws":
        return route.replace("{rest}", "{proxy+}")
    return re.sub(r"(?<=/){.*", "*", route.partition(" ")[2])
