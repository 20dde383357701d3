"""What the documents say is so: settings, commands, targets and links."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from infra.cli.main import main
from infra.gcp.settings import EntrySettings
from infra.local.environment import variables
from infra.local.settings import LocalSettings
from shared import settings
from shared.edge.metrics import HELP

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("functions/*/README.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
NEEDED = {
    "CLUSTER_ID": "c1",
    "PORTAL_URL": "https://portal.example.org",
    "SUBSCRIBER_SECRET": "whsec_YQ==",
    "OIDC_AUDIENCE": "https://sync.example.org",
    "PUBSUB_ACCOUNT": "push@example.org",
    "SCHEDULER_ACCOUNT": "timer@example.org",
}
ALL = "all functions but subscriber"
SOURCES = [
    *(ROOT / "infra" / name for name in ("local/greeting.py", "cli/doctor.py", "cli/webhook.py")),
    *(ROOT / "infra" / "cli" / name for name in ("cluster_setup.py", "cluster_check.py", "deployment.py")),
    *(ROOT / "infra" / "cli" / name for name in ("file_findings.py", "rotations.py")),
    *(ROOT / "infra" / "kubernetes" / name for name in ("checking.py", "findings.py")),
    *(ROOT / "shared" / name for name in ("rules/hook_findings.py", "services/healing.py", "services/hooks.py")),
]
SETTING = ("settings", "clusters")
"""Where variables are told of: those of a pod's own server stand with what runs in it."""
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}

READERS: dict[str, Any] = {
    "git_push": settings.GitPush,
    "sync": settings.Sync,
    "portal": settings.Portal,
    "workload_admission": settings.Watching,
    "workload_audit": settings.Watching,
    "dispatch": settings.Dispatch,
    "run_report": settings.Watching,
    "announce": settings.Announce,
    "reconcile": settings.Reconcile,
    "subscriber": settings.Subscriber,
    "engine": LocalSettings,
    "entry": EntrySettings,
}
NO_FUNCTIONS = {"engine", "entry"}


class Row:
    """One variable as docs/settings.md tells of it; `default` is None where it is no literal."""

    def __init__(self, line: str) -> None:
        name, default, readers, self.meaning = (cell.strip() for cell in line.strip("|").split("|"))
        self.name = name.strip("`")
        literal = re.fullmatch(r"`([^`]*)`", default)
        self.default = literal[1] if literal else None
        named = {one.strip() for one in readers.split(",")}
        every = set(READERS) - {*NO_FUNCTIONS, "subscriber"} if ALL in named else set()
        self.readers = named - {ALL} | every


def table() -> dict[str, Row]:
    """Return the documented variables by name."""
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    rows = [Row(line) for line in lines if re.match(r"\| `[A-Z_]+` \|", line)]
    assert len(rows) == len({row.name for row in rows})
    return {row.name: row for row in rows}


class Recorder(dict[str, str]):
    """An environment that remembers which variables were looked at."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder, and the environment's least."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "master").write_text("ab" * 32)
    (tmp_path / "admin-token").write_text("owner")
    return tmp_path


def asked(reader: str, data: Path) -> set[str]:
    """Return the variables that a function, or the engine, looks at."""
    both = [NEEDED, {name: value for name, value in NEEDED.items() if name != "SUBSCRIBER_SECRET"}]
    both[1]["SUBSCRIBER_SECRET_FILE"] = str(data / "admin-token")
    found: set[str] = set()
    for given in both:
        recorder = Recorder(given | {"DATA_DIR": str(data)})
        READERS[reader].read(recorder)
        found |= recorder.asked
    return found | ({"ALLOW_LOCAL"} if reader == "engine" else set())


@pytest.mark.parametrize("reader", READERS)
def test_every_variable_that_is_read_is_documented_with_its_reader(reader: str, data: Path) -> None:
    assert {row.name for row in table().values() if reader in row.readers} == asked(reader, data)


def test_no_variable_in_the_source_is_left_out() -> None:
    local = ["infra/local/settings.py", "infra/local/environment.py"]
    places = ["infra/gcp/settings.py", "shared/settings.py", "shared/environment.py", *local]
    trees = [ast.parse((ROOT / place).read_text()) for place in places]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    named = {text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z_]{2,}", text)}
    assert set() == named - LEVELS - {"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"} - table().keys()


@pytest.mark.parametrize("reader", READERS)
def test_documented_defaults_are_those_in_force(reader: str, data: Path) -> None:
    least = NEEDED | {"DATA_DIR": str(data)}
    elsewhere = {"DATA_DIR"} | ({"PUBLIC_URL", "ALLOW_LOCAL", "STORE_URL"} if reader == "engine" else set())
    rows = [row for row in table().values() if reader in row.readers and row.default and row.name not in elsewhere]
    told = {row.name: str(row.default).replace("DATA_DIR", str(data)) for row in rows}
    assert READERS[reader].read(least) == READERS[reader].read(least | told)


def test_the_engines_own_defaults_are_as_documented() -> None:
    rows, engine = table(), LocalSettings.read({})
    assert Path(rows["DATA_DIR"].default or "") == engine.data_dir
    assert "true" == variables(engine, 80)["ALLOW_LOCAL"]
    here = str(Path(rows["DATA_DIR"].default or "").resolve())
    assert str(rows["STORE_URL"].default).replace("DATA_DIR", here) == variables(engine, 80)["STORE_URL"]
    assert "The engine's default is `true`" in rows["ALLOW_LOCAL"].meaning


BEHIND = {"FUNCTION_TARGET", "FUNCTION_SOURCE", "FUNCTION_SIGNATURE_TYPE", "PATH", "HOME", "LANG", "PYTHONPATH"}
"""What the framework and the system read and set by themselves."""


def looked_up(tree: ast.AST) -> Iterator[str]:
    """Yield the variables that a module asks the process' own environment for by their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            place, name = ast.unparse(node.func.value), node.args[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.getenv" and node.args:
            place, name = "os.environ", node.args[0]
        elif isinstance(node, ast.Subscript):
            place, name = ast.unparse(node.value), node.slice
        else:
            continue
        if place == "os.environ" and isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def test_whatever_reads_a_variable_by_its_name_anywhere_it_is_documented() -> None:
    sources = [path for folder in ("shared", "functions", "infra") for path in (ROOT / folder).rglob("*.py")]
    found = {name for path in sources for name in looked_up(ast.parse(path.read_text()))}
    assert {"DATA_DIR", "TLS_FOLDER", "KUBECONFIG"} <= found
    told = set(re.findall(r"`([A-Z][A-Z_]+)`", "".join((ROOT / f"docs/{name}.md").read_text() for name in SETTING)))
    assert set() == found - told - BEHIND


def test_every_metric_is_documented_in_the_words_that_it_is_served_with() -> None:
    rows = re.findall(r"^\| `(litmus_gitops_\w+)` \| (.*) \|$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert list(HELP.items()) == rows


def commands(group: click.Group) -> Iterator[click.Command]:
    yield group
    for one in group.commands.values():
        yield from commands(one) if isinstance(one, click.Group) else [one]


def test_every_variable_of_the_command_is_documented() -> None:
    read = {option.envvar for one in commands(main) for option in one.params if isinstance(option.envvar, str)}
    assert {row.name for row in table().values() if "command" in row.readers} == read
    for option in main.params:
        row = table().get(str(option.envvar))
        assert row is None or row.default in {None, option.default}


def test_what_reads_a_variable_exists() -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/main.py")}
    assert folders == set(READERS) - NO_FUNCTIONS
    assert {reader for row in table().values() for reader in row.readers} == {*READERS, "command"}


def told(path: Path) -> Iterator[str]:
    """Yield the lines of `litmus-gitops` that a document tells its reader to type."""
    text = path.read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        yield from re.findall(r"^\$ (litmus-gitops .*)$", block, re.MULTILINE)
    yield from re.findall(r"`(litmus-gitops [^`]+)`", text)
    if path.suffix == ".py":
        yield from re.findall(r"^ +(litmus-gitops .*)$", text, re.MULTILINE)
        yield from re.findall(r'"[^"\n]*(litmus-gitops [a-z][^",`\n]*)[",]', text)


COMMANDS = [(str(path.relative_to(ROOT)), line) for path in [*DOCUMENTS, *SOURCES] for line in told(path)]


@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=[f"{place}: {line}" for place, line in COMMANDS])
def test_a_command_that_is_told_has_only_words_that_are_known(place: str, line: str) -> None:
    plain = re.sub(r"<[^>]*>|{[^}]*}|…", "x", line)
    words = shlex.split(re.sub(r"\s>\s.*", "", plain), comments=True)[1:]
    one: click.Command = main
    while True:
        context = click.Context(one)
        given, rest, _ = one.make_parser(context).parse_args(words)
        for param in one.params:
            if isinstance(param.type, click.Choice) and given.get(param.name or ""):
                param.type_cast_value(context, given[param.name or ""])
        if not isinstance(one, click.Group) or not rest:
            break
        one, words = one.commands[rest[0]], rest[1:]
    missing = [param.name for param in one.params if param.required and not given.get(param.name or "")]
    assert not rest, (place, rest)
    assert "--help" in line or not missing, place


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (ROOT / name).parent / path if path else ROOT / name
        assert found.exists(), target
        titles = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


LED_TO = (
    *("getting-started", "clusters", "audit", "policies", "git", "github", "gitlab", "safety", "sinks"),
    *("security", "engines", "settings", "operations", "coming-from-litmus"),
    *("aws", "google-cloud", "kubernetes"),
)


@pytest.mark.parametrize("name", LED_TO)
def test_every_document_is_there_and_the_readme_leads_to_it(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").is_file()
    assert f"(docs/{name}.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_targets_that_are_told_are_in_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = (ROOT / name).read_text()
    assert set() == set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text)) - targets
