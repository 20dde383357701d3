"""Installs the custom resources that experiments need: upstream's own where they are at hand, else our minimal ones."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import ApiClient, ApiextensionsV1Api

from tests.real.connections import Manifest
from tests.real.waiting import eventually

HERE = Path(__file__).parent
OURS = HERE / "crds"
CHECKOUT = HERE.parent.parent


def _upstream() -> Path | None:
    """`$SAMPLES_DIR/crds`, or a `samples/crds` with Litmus' definitions in a folder beside the checkout."""
    named = os.environ.get("SAMPLES_DIR")
    if named:
        return Path(named) / "crds"
    return next((found.parent for found in sorted(CHECKOUT.parent.glob("*/samples/crds/litmus.yaml"))), None)


def crd_folder() -> Path:
    """Where the definitions are read from."""
    return _upstream() or OURS


def definitions(folder: Path) -> Iterator[Manifest]:
    """Every CustomResourceDefinition of the folder's YAML files; FileNotFoundError where there is none."""
    for path in sorted(path for path in folder.iterdir() if path.suffix == ".yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document["kind"] == "CustomResourceDefinition":
                yield document


def _established(api: ApiextensionsV1Api, name: str) -> bool:
    definition: Any = api.read_custom_resource_definition(name)
    conditions = (definition.status and definition.status.conditions) or []
    return any(condition.type == "Established" and condition.status == "True" for condition in conditions)


def install(client: ApiClient, wanted: Iterable[Manifest]) -> list[str]:
    """Creates the definitions, waits until each is served, and returns their names."""
    api = ApiextensionsV1Api(client)
    names: list[str] = []
    for definition in wanted:
        api.create_custom_resource_definition(definition)
        names.append(definition["metadata"]["name"])
    eventually(lambda: all(_established(api, name) for name in names), f"{names} are established")
    return names
