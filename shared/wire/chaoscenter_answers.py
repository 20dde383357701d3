"""What ChaosCenter's GraphQL (Litmus 3.31) answers: a status of 200 proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from shared.errors import Conflict, Forbidden, LitmusGitopsError, NotFound, Unavailable
from shared.model.calls import Answer
from shared.model.centers import CenterEngine, CenterRun, Infrastructure

T = TypeVar("T")

_OFFLINE: Final = "inactive infra"
_MISSING: Final = ("no matching experiment run", "no documents in result")
_DENIED: Final = ("permission_denied", "unauthorized", "unauthenticated")
_TOO_MANY: Final = 429
_BROKEN: Final = 500


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
