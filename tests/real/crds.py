"""The custom resources that experiments need: upstream's own where they are at hand, else our minimal ones."""

import os
from pathlib import Path

import yaml
from kubernetes.client import ApiClient

from infra.demo.kubernetes_api.definitions import definitions, install
from tests.real.connections import Manifest

CHECKOUT = Path(__file__).parents[2]


def _upstream() -> Path | None:
    """`$SAMPLES_DIR/crds`, or a `samples/crds` with Litmus' definitions in a folder beside the checkout."""
    named = os.environ.get("SAMPLES_DIR")
    if named:
        return Path(named) / "crds"
    return next((found.parent for found in sorted(CHECKOUT.parent.glob("*/samples/crds/litmus.yaml"))), None)


def wanted() -> list[Manifest]:
    """Every definition that a chaos-ready cluster has."""
    folder = _upstream()
    if folder is None:
        return list(definitions())
    documents = (one for path in sorted(folder.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text()))
    return [one for one in documents if one and one["kind"] == "CustomResourceDefinition"]


def served(client: ApiClient) -> list[str]:
    """Install what is not there yet, and return the names of all that are served now."""
    install(client, wanted())
    return [definition["metadata"]["name"] for definition in wanted()]
