"""ChaosCenter's GraphQL (Litmus 3.31): what we ask of it, and its answers, in which a status of 200 proves nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from shared.errors import Conflict, Forbidden, LitmusGitopsError, NotFound, Unavailable
from shared.model.calls import Answer
from shared.model.centers import CenterEngine, CenterRun, Infrastructure

T = TypeVar("T")

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

_OFFLINE: Final = "inactive infra"
_MISSING: Final = ("no matching experiment run", "no documents in result")
_DENIED: Final = ("permission_denied", "unauthorized", "unauthenticated")
_TOO_MANY: Final = 429
_BROKEN: Final = 500


class _Asked(msgspec.Struct, frozen=True):
    query: str
    variables: dict[str, Any]
    operation: str = msgspec.field(name="operationName")


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Reply(msgspec.Struct, frozen=True):
    data: dict[str, msgspec.Raw] | None = None
    errors: list[_Error] | None = None


class _Infra(msgspec.Struct, frozen=True, rename="camel"):
    is_active: bool
    infra_namespace: str | None = None


class _Notify(msgspec.Struct, frozen=True):
    notify: str = msgspec.field(name="notifyID")


class _Weight(msgspec.Struct, frozen=True, rename="camel"):
    fault_name: str
    weightage: int


class _Run(msgspec.Struct, frozen=True, rename="camel"):
    experiment_run_id: str | None = msgspec.field(default=None, name="experimentRunID")
    notify_id: str | None = msgspec.field(default=None, name="notifyID")
    phase: str = ""
    experiment_manifest: str = ""
    execution_data: str = ""
    weightages: list[_Weight] = []


class _Runs(msgspec.Struct, frozen=True, rename="camel"):
    experiment_runs: list[_Run | None] | None = None


class _Result(msgspec.Struct, frozen=True):
    status: dict[str, Any] | None = None


class _Chaos(msgspec.Struct, frozen=True, rename="camel"):
    engine_uid: str = msgspec.field(default="", name="engineUID")
    engine_name: str = ""
    namespace: str = ""
    experiment_name: str = ""
    experiment_status: str = ""
    experiment_verdict: str = ""
    chaos_result: _Result | None = None


class _Node(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    type: str = ""
    chaos_data: _Chaos | None = None


class _Execution(msgspec.Struct, frozen=True):
    message: str = ""
    nodes: dict[str, _Node] | None = None


class _Metadata(msgspec.Struct, frozen=True):
    labels: dict[str, str] | None = None


class _Manifest(msgspec.Struct, frozen=True):
    metadata: _Metadata | None = None


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


def read_infrastructure(answer: Answer) -> Infrastructure:
    """Return what the ChaosCenter says of an infrastructure; raises as `read_done` does."""
    found = _read(answer, "getInfra", _Infra)
    return Infrastructure(found.is_active, found.infra_namespace or "")


def read_started(answer: Answer) -> str:
    """Return the `notify` of the run that was started; raises as `read_done` does."""
    return _read(answer, "runChaosExperiment", _Notify).notify


def read_run(answer: Answer) -> CenterRun:
    """Return a run: `NotFound` where there is none, else raises as `read_done` does."""
    return _run(_read(answer, "getExperimentRun", _Run))


def read_runs(answer: Answer) -> list[CenterRun]:
    """Return an experiment's runs, newest first; raises as `read_done` does."""
    found = _read(answer, "listExperimentRun", _Runs).experiment_runs or ()
    return [_run(one) for one in found if one]


def read_done(answer: Answer, field: str) -> None:
    """Take an answer that tells nothing but that it was done.

    Raises `Unavailable` where asking again may help, `Forbidden` where the credential may not, and `Conflict` with the
    ChaosCenter's own words where it refuses.
    """
    _read(answer, field, msgspec.Raw)


def _ask(operation: str, **variables: Any) -> bytes:
    return msgspec.json.encode(_Asked(_DOCUMENTS[operation], variables, operation))


def _read(answer: Answer, field: str, kind: type[T]) -> T:
    body = answer.body if isinstance(answer.body, bytes) else b""
    if answer.status in {401, 403}:
        raise Forbidden(f"{_refused(field, answer.status)}: renew the token that the cluster's `credential` names")
    if answer.status == _TOO_MANY or answer.status >= _BROKEN:
        raise Unavailable(_refused(field, answer.status))
    try:
        reply = msgspec.json.decode(body, type=_Reply)
        if reply.errors:
            raise _refusal(field, reply.errors)
        return msgspec.json.decode((reply.data or {})[field], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise Conflict(
            f"{_refused(field, answer.status)}, and not as a ChaosCenter does: is its url the GraphQL endpoint, "
            "as in https://litmus.example.org/query?"
        ) from error


def _refused(field: str, status: int) -> str:
    return f"the ChaosCenter answered {field} with status {status}"


def _refusal(field: str, errors: Sequence[_Error]) -> LitmusGitopsError:
    said = "; ".join(" ".join(one.message.split()) or "an error without a message" for one in errors)[:500]
    words = f"the ChaosCenter refuses {field}: {said}"
    lower = said.lower()
    if _OFFLINE in lower:
        return Unavailable(words)
    if any(sign in lower for sign in _MISSING):
        return NotFound(words)
    return Forbidden(words) if any(sign in lower for sign in _DENIED) else Conflict(words)


def _run(found: _Run) -> CenterRun:
    execution = _lenient(found.execution_data, _Execution) or _Execution()
    nodes = {key: node for key, node in (execution.nodes or {}).items() if node.type == "ChaosEngine"}
    manifest = _lenient(found.experiment_manifest, _Manifest)
    return CenterRun(
        id=found.experiment_run_id or "",
        notify=found.notify_id or "",
        phase=found.phase,
        labels=(manifest.metadata.labels or {}) if manifest and manifest.metadata else {},
        message=execution.message,
        engines=tuple(_engine(key, node, found.weightages) for key, node in sorted(nodes.items())),
    )


def _engine(key: str, node: _Node, weights: Sequence[_Weight]) -> CenterEngine:
    """Return a node's engine; one without `chaosData` has not been created, or its name could not be read."""
    chaos = node.chaos_data or _Chaos()
    name = chaos.engine_name or node.name
    fitting = [one for one in weights if one.fault_name and name.startswith(one.fault_name)]
    weight = max(fitting, key=lambda one: len(one.fault_name)).weightage if fitting else 10
    return CenterEngine(
        uid=chaos.engine_uid or key,
        name=name,
        namespace=chaos.namespace,
        fault=chaos.experiment_name or node.name,
        verdict=chaos.experiment_verdict,
        status=chaos.experiment_status.lower(),
        weight=weight,
        result=(chaos.chaos_result.status or {}) if chaos.chaos_result else {},
    )


def _lenient(text: str, kind: type[T]) -> T | None:
    """Return what a text within an answer says, None where it is not what it should be."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
