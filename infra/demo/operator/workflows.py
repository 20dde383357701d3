"""The workflow controller's part: it walks through a Workflow's steps and creates the engines inside them.

A step ends as Litmus' checker lets it: with its engine, well if every fault passed. What else steps do, for instance
installing an application, is taken as done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from kubernetes.client import ApiException

from infra.demo.operator.engines import ENGINES, moment
from infra.demo.operator.templates import groups, manifests, node_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.demo.operator.cluster import Cluster
    from infra.demo.operator.outcomes import Document

WORKFLOWS = "argoproj.io/v1alpha1/workflows"
PLURALS = {"ChaosEngine": "chaosengines", "ChaosExperiment": "chaosexperiments"}
ENGINE_OUTPUT = "engine"
OVER = frozenset({"completed", "stopped"})


class Workflows:
    """Moves each Workflow on by one step a look; all it knows stands in the Workflow's own status."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def step(self, workflow: Document, engines: Mapping[tuple[str, str], Document]) -> None:
        """Do what the Workflow's phase asks for now."""
        phase = workflow.get("status", {}).get("phase", "")
        if phase == "":
            self._tell(workflow, {"phase": "Running", "startedAt": moment(), "nodes": {}})
        elif phase == "Running" and workflow["spec"].get("shutdown"):
            self._shut_down(workflow, engines)
        elif phase == "Running":
            self._go_on(workflow, engines)

    def _go_on(self, workflow: Document, engines: Mapping[tuple[str, str], Document]) -> None:
        nodes = workflow["status"].get("nodes") or {}
        for group in groups(workflow):
            changed = {node_id(workflow, one["name"]): self._node(workflow, one, nodes, engines) for one in group}
            moved = {key: node for key, node in changed.items() if nodes.get(key) != node}
            if moved:
                self._tell(workflow, {"nodes": moved})
            phases = {node["phase"] for node in changed.values()}
            if "Running" in phases:
                return
            if "Failed" in phases:
                self._end(workflow, "Failed", "a step failed")
                return
        self._end(workflow, "Succeeded", None)

    def _node(
        self, workflow: Document, template: Document, nodes: Document, engines: Mapping[tuple[str, str], Document]
    ) -> Document:
        node: Document | None = nodes.get(node_id(workflow, template["name"]))
        if node is None:
            return self._launched(workflow, template)
        if node["phase"] != "Running":
            return node
        return _looked_after(node, engines)

    def _launched(self, workflow: Document, template: Document) -> Document:
        name = node_id(workflow, template["name"])
        node = {"id": name, "name": name, "displayName": template["name"], "type": "Pod", "startedAt": moment()}
        node |= {"templateName": template["name"]}
        try:
            made = [self._created(workflow, document) for document in manifests(workflow, template)]
        except (ApiException, yaml.YAMLError) as error:
            return node | {"phase": "Failed", "message": f"{type(error).__name__}: {error}"[:500]}
        engines = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in made if _is_engine(one)]
        if not engines:
            return node | {"phase": "Succeeded", "finishedAt": moment()}
        return node | {"phase": "Running", "outputs": {"parameters": [{"name": ENGINE_OUTPUT, "value": engines[0]}]}}

    def _created(self, workflow: Document, document: Document) -> Document:
        resource = f"{document['apiVersion']}/{PLURALS[document['kind']]}"
        namespace = document["metadata"].get("namespace") or workflow["metadata"]["namespace"]
        return self._cluster.create(resource, namespace, document)

    def _shut_down(self, workflow: Document, engines: Mapping[tuple[str, str], Document]) -> None:
        for node in (workflow["status"].get("nodes") or {}).values():
            engine = engines.get(_engine_place(node)) if node["phase"] == "Running" else None
            if engine is not None:
                self._cluster.patch(ENGINES, engine, {"spec": {"engineState": "stop"}})
        self._end(workflow, "Failed", f"Stopped with strategy '{workflow['spec']['shutdown']}'")

    def _end(self, workflow: Document, phase: str, message: str | None) -> None:
        self._tell(workflow, {"phase": phase, "finishedAt": moment(), "message": message})

    def _tell(self, workflow: Document, status: Document) -> None:
        labels = {}
        if "phase" in status:
            labels = {"workflows.argoproj.io/phase": status["phase"]}
        if "finishedAt" in status:
            labels["workflows.argoproj.io/completed"] = "true"
        self._cluster.patch(WORKFLOWS, workflow, {"metadata": {"labels": labels}, "status": status})


def _is_engine(document: Document) -> bool:
    return bool(document["kind"] == "ChaosEngine")


def _engine_place(node: Document) -> tuple[str, str]:
    namespace, _, name = node["outputs"]["parameters"][0]["value"].partition("/")
    return namespace, name


def _looked_after(node: Document, engines: Mapping[tuple[str, str], Document]) -> Document:
    engine = engines.get(_engine_place(node))
    if engine is None:
        return node | {"phase": "Failed", "finishedAt": moment(), "message": "its ChaosEngine is gone"}
    status = engine.get("status") or {}
    if status.get("engineStatus") not in OVER:
        return node
    passed = all(one["verdict"] == "Pass" for one in status["experiments"])
    return node | {"phase": "Succeeded" if passed else "Failed", "finishedAt": moment()}
