"""A Terraform module as it is written: its blocks, parsed, and what in it leads to what."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

ROOT = Path(__file__).parents[3]
AS_VALUES = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
BLOCKS = ("resource", "data", "ephemeral")
NO_TYPES = {"var", "local", "each", "path", "terraform", "data", "ephemeral", "self"}


@dataclass(frozen=True)
class Block:
    """A resource, or what is read, with its type, its name and its body."""

    kind: str
    type: str
    name: str
    body: dict[str, Any]

    @property
    def address(self) -> str:
        prefix = "" if self.kind == "resource" else f"{self.kind}."
        return f"{prefix}{self.type}.{self.name}"


@dataclass(frozen=True)
class Module:
    """All of a folder's `.tf` files together."""

    folder: Path
    blocks: tuple[Block, ...]
    variables: dict[str, dict[str, Any]]
    locals: dict[str, Any]
    outputs: dict[str, dict[str, Any]]

    def of(self, kind: str) -> list[Block]:
        """Return the resources of a type."""
        return [block for block in self.blocks if (block.kind, block.type) == ("resource", kind)]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Return the body of a block by its type and name."""
        (body,) = [block.body for block in self.blocks if (block.type, block.name) == (kind, name)]
        return body

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.locals["functions"]
        return found

    @property
    def text(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.tf")))


@cache
def module(platform: str) -> Module:
    """Parse the module of a platform."""
    folder = ROOT / "infra" / platform
    documents = [hcl2.loads(path.read_text(), serialization_options=AS_VALUES) for path in sorted(folder.glob("*.tf"))]
    return Module(
        folder,
        tuple(block for document in documents for block in _blocks(document)),
        _named(documents, "variable"),
        {name: value for document in documents for one in document.get("locals", ()) for name, value in one.items()},
        _named(documents, "output"),
    )


def _blocks(document: dict[str, Any]) -> Iterator[Block]:
    for kind in BLOCKS:
        for entry in document.get(kind, ()):
            for of, named in entry.items():
                for name, body in named.items():
                    yield Block(kind, of, name, body)


def _named(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    entries = [entry for document in documents for entry in document.get(kind, ())]
    assert len(entries) == len({name for entry in entries for name in entry})
    return {name: body for entry in entries for name, body in entry.items()}


def references(text: str) -> set[str]:
    """Return what a text of HCL refers to: `var.x`, `local.x`, and addresses of resources and data."""
    bare = re.sub(r'description\s*=\s*".*"|#.*', "", text)
    found = set(re.findall(r"\b((?:var|local)\.\w+|(?:data\.|ephemeral\.)\w+\.\w+)", bare))
    return found | set(re.findall(r"(?<![\w./\"-])((?:aws|google)_\w+\.\w+)", bare))


def evaluated(made: Module, expression: str, folder: Path, **given: str) -> Any:
    """Have terraform evaluate an expression over the module's variables and those locals that need no provider."""
    (folder / "main.tf").write_text(_evaluable(made))
    told = {name: value for name, value in (GIVEN[made.folder.name] | given).items() if name in made.variables}
    done = subprocess.run(
        ["terraform", f"-chdir={folder}", "console", *(f"-var={name}={value}" for name, value in told.items())],
        input=f"jsonencode({expression})\n",
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(re.sub(r"\x1b\[\d+m|[│╷╵]", "", done.stdout + done.stderr).split())
    assert done.returncode == 0, said
    assert "Invalid value for variable" not in said, said
    return json.loads(json.loads(done.stdout.strip().splitlines()[-1]))


GIVEN = {
    "aws": {"bundles": "b", "runtime": "python3.11", "architecture": "arm64", "region": "eu-central-1"},
    "gcp": {
        "bundles": "b",
        "runtime": "python311",
        "region": "europe-west3",
        "project": "chaos-portal",
        "domain": "gitops.example.org",
    },
}


def _evaluable(made: Module) -> str:
    variables = re.findall(r'^variable "\w+" \{\n.*?^\}\n', made.text, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^locals \{\n(.*?)^\}\n", made.text, re.MULTILINE | re.DOTALL)
    entries = [entry for block in blocks for entry in re.split(r"^(?=  \w+ += )", block, flags=re.MULTILINE)]
    kept = [entry for entry in entries if not re.search(r"(?:aws|google)_\w+\.", entry)]
    return "".join(variables) + "locals {\n" + "".join(kept) + "}\n"
