"""What is asked of ChaosCenter's GraphQL (Litmus 3.31)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.model.centers import CenterRun

RECENT: Final = 50
"""Runs of one experiment, newest first, among which one of ours is looked for."""

_RUN: Final = "experimentRunID notifyID phase experimentManifest executionData weightages { faultName weightage }"
_DOCUMENTS: Final[Mapping[str, str]] = {
    "getInfra": """query getInfra($projectID: ID!, $infraID: String!) {
  getInfra(projectID: $projectID, infraID: $infraID) { isActive infraNamespace }
}""",
    "saveChaosExperiment": """mutation saveChaosExperiment($projectID: ID!, $request: SaveChaosExperimentRequest!) {
  saveChaosExperiment(projectID: $projectID, request: $request)
}""",
    "runChaosExperiment": """mutation runChaosExperiment($projectID: ID!, $experimentID: String!) {
  runChaosExperiment(projectID: $projectID, experimentID: $experimentID) { notifyID }
}""",
    "getExperimentRun": f"""query getExperimentRun($projectID: ID!, $notifyID: ID) {{
  getExperimentRun(projectID: $projectID, notifyID: $notifyID) {{ {_RUN} }}
}}""",
    "listExperimentRun": f"""query listExperimentRun($projectID: ID!, $request: ListExperimentRunRequest!) {{
  listExperimentRun(projectID: $projectID, request: $request) {{ experimentRuns {{ {_RUN} }} }}
}}""",
    "stopExperimentRuns": """mutation stopExperimentRuns(
  $projectID: ID!, $experimentID: String!, $experimentRunID: String, $notifyID: String
) {
  stopExperimentRuns(
    projectID: $projectID, experimentID: $experimentID, experimentRunID: $experimentRunID, notifyID: $notifyID
  )
}""",
}
"""The operations, each under the name of its only field. getExperimentRun fails where both of its ids are given."""


class _Asked(msgspec.Struct, frozen=True):
    query: str
    variables: dict[str, Any]
    operation: str = msgspec.field(name="operationName")


def ask_infrastructure(project: str, infra: str) -> bytes:
    """Return the question whether an infrastructure is connected."""
    return _ask("getInfra", projectID=project, infraID=infra)


def ask_to_save(project: str, infra: str, experiment: str, manifest: Mapping[str, Any], description: str) -> bytes:
    """Return the request to save an experiment under an id: one that is there gets another revision.

    The name has to be the manifest's own, and the manifest JSON; weights are read from its templates' labels.
    """
    request = {
        "id": experiment,
        "type": "Experiment",
        "name": manifest["metadata"]["name"],
        "description": description,
        "manifest": json.dumps(manifest, ensure_ascii=False),
        "infraID": infra,
        "tags": ["litmus-gitops"],
    }
    return _ask("saveChaosExperiment", projectID=project, request=request)


def ask_to_run(project: str, experiment: str) -> bytes:
    """Return the request to run an experiment's newest revision; it starts another run each time."""
    return _ask("runChaosExperiment", projectID=project, experimentID=experiment)


def ask_run(project: str, notify: str) -> bytes:
    """Return the question how the run stands that `notify` names."""
    return _ask("getExperimentRun", projectID=project, notifyID=notify)


def ask_runs(project: str, experiment: str) -> bytes:
    """Return the question for an experiment's newest runs."""
    request = {
        "experimentIDs": [experiment],
        "pagination": {"page": 0, "limit": RECENT},
        "sort": {"field": "TIME", "ascending": False},
    }
    return _ask("listExperimentRun", projectID=project, request=request)


def ask_to_stop(project: str, experiment: str, run: CenterRun) -> bytes:
    """Return the request to stop a run: by its own id, without which its agent is not told, else by `notify`."""
    named = {"experimentRunID": run.id} if run.id else {"notifyID": run.notify}
    return _ask("stopExperimentRuns", projectID=project, experimentID=experiment, **named)


def _ask(operation: str, **variables: Any) -> bytes:
    return msgspec.json.encode(_Asked(_DOCUMENTS[operation], variables, operation))
