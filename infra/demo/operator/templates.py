"""What a Workflow holds for its stand-in: the order of its steps, and the manifests inside them."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.demo.operator.outcomes import Document

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
CHAOS = "litmuschaos.io/"


def node_id(workflow: Document, template: str) -> str:
    """Return the name of the pod that would run the template; it is also the key of its node."""
    name = workflow["metadata"]["name"]
    return f"{name}-{template}-{zlib.crc32(template.encode())}"


def groups(workflow: Document) -> list[list[Document]]:
    """Return the templates that do something, in groups that run side by side, one group after the other."""
    by_name = {template["name"]: template for template in workflow["spec"].get("templates", [])}
    return _expanded(workflow["spec"].get("entrypoint", ""), by_name)


def _expanded(name: str, by_name: Mapping[str, Document]) -> list[list[Document]]:
    template = by_name.get(name)
    if template is None:
        return []
    if "dag" in template:
        return [group for task in template["dag"]["tasks"] for group in _expanded(task["template"], by_name)]
    if "steps" not in template:
        return [[template]]
    return [group for step in template["steps"] for group in _side_by_side(step, by_name)]


def _side_by_side(step: list[Document], by_name: Mapping[str, Document]) -> list[list[Document]]:
    parts = [_expanded(one["template"], by_name) for one in step]
    if all(len(part) == 1 for part in parts):
        return [[template for part in parts for template in part[0]]]
    return [group for part in parts for group in part]


def manifests(workflow: Document, template: Document) -> list[Document]:
    """Return the Litmus objects in a template's artifacts, rendered; YAMLError where one cannot be read."""
    artifacts = (template.get("inputs") or {}).get("artifacts") or []
    texts = [artifact["raw"]["data"] for artifact in artifacts if "raw" in artifact]
    values = _values(workflow, template["name"])
    found = [document for text in texts for document in yaml.safe_load_all(_rendered(text, values))]
    return [one for one in found if isinstance(one, dict) and str(one.get("apiVersion", "")).startswith(CHAOS)]


def _values(workflow: Document, template: str) -> dict[str, str]:
    meta = workflow["metadata"]
    values = {f"workflow.{key}": meta[key] for key in ("name", "namespace", "uid")}
    parameters: list[Any] = (workflow["spec"].get("arguments") or {}).get("parameters") or []
    values |= {f"workflow.parameters.{one['name']}": str(one.get("value", "")) for one in parameters}
    return values | {"pod.name": node_id(workflow, template)}


def _rendered(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
