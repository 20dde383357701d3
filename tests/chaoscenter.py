"""A ChaosCenter on loopback: documents are carried out by graphql-core on a schema of the fields that are used."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from graphql import GraphQLSchema, build_schema, execute_sync, parse, validate
from graphql.error import GraphQLError
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode

from tests.servers import served

TOKEN: Final = "a-bearer-token"

_SCHEMA: Final = """
type Infra { infraID: ID! isActive: Boolean! infraNamespace: String }
type Weightages { faultName: String! weightage: Int! }
type RunStarted { notifyID: ID! }
type ExperimentRun {
  experimentRunID: ID! notifyID: ID phase: String! experimentManifest: String! executionData: String!
  weightages: [Weightages!]!
}
type RunList { totalNoOfExperimentRuns: Int! experimentRuns: [ExperimentRun]! }
enum ExperimentType { Experiment CronExperiment }
enum SortingField { NAME TIME }
input Page { page: Int! limit: Int! }
input Sorting { field: SortingField! ascending: Boolean }
input ListExperimentRunRequest { experimentRunIDs: [ID] experimentIDs: [ID] pagination: Page sort: Sorting }
input SaveChaosExperimentRequest {
  id: String! type: ExperimentType name: String! description: String! manifest: String! infraID: ID! tags: [String!]
}
type Query {
  getInfra(projectID: ID!, infraID: String!): Infra!
  getExperimentRun(projectID: ID!, experimentRunID: ID, notifyID: ID): ExperimentRun!
  listExperimentRun(projectID: ID!, request: ListExperimentRunRequest!): RunList!
}
type Mutation {
  saveChaosExperiment(request: SaveChaosExperimentRequest!, projectID: ID!): String!
  runChaosExperiment(experimentID: String!, projectID: ID!): RunStarted!
  stopExperimentRuns(projectID: ID!, experimentID: String!, experimentRunID: String, notifyID: String): Boolean!
}
"""
"""A phase is a string here: agents send some that the real enumeration lacks, and the server passes them on."""


@cache
def schema() -> GraphQLSchema:
    """Return the schema of the fields that are used."""
    return build_schema(_SCHEMA)


def problems(known: GraphQLSchema, body: bytes) -> list[str]:
    """Return what a schema has against a request: its document, then its variables."""
    asked = json.loads(body)
    document = parse(asked["query"])
    found = [error.message for error in validate(known, document)]
    for node in document.definitions if not found else ():
        assert isinstance(node, OperationDefinitionNode)
        assert node.name
        assert asked["operationName"] == node.name.value
        values = get_variable_values(known, node.variable_definitions or (), asked["variables"])
        found += [error.message for error in values] if isinstance(values, list) else []
    return found


class ChaosCenterStand:
    """One project `cc-shop` with infrastructure `infra-1`, as Litmus 3.31 behaves.

    Saving adds a revision; a run is of the newest one, is `Queued` until its agent takes it, and has no id until then.
    A list of runs does not show `notifyID`. `faults` name an operation and what becomes of it: `drop` and `slow` have
    their effect, `drop` without an answer, `slow` with one that comes too late; `lost` has none, a number is a status,
    a text is a GraphQL error.
    """

    def __init__(self) -> None:
        self.active = True
        self.namespace: str | None = "litmus"
        self.revisions: dict[str, list[dict[str, Any]]] = {}
        self.runs: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.traces: list[str | None] = []
        self.faults: list[tuple[str, str | int]] = []
        self.slow = 0.6
        self.once_saved: Callable[[], None] = lambda: None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/query"

    @contextmanager
    def open(self) -> Iterator[ChaosCenterStand]:
        """Serve until the block ends."""
        with served(self._server):
            yield self

    def start_late(self, experiment: str) -> None:
        """Carry out a request to run that its sender has given up."""
        self._start(None, "cc-shop", experiment)

    def begin(self, number: int = -1) -> dict[str, Any]:
        """Have the agent take a run, and return it."""
        run = self.runs[number]
        run["experimentRunID"] = f"uid-{next(self._numbers)}"
        return self.show("Running", number=number)

    def show(self, phase: str, *engines: dict[str, Any], number: int = -1, **data: Any) -> dict[str, Any]:
        """Have the agent report a phase with these engines' nodes."""
        run = self.runs[number]
        nodes = {f"node-{place}": engine for place, engine in enumerate(engines)}
        run["phase"] = phase
        run["executionData"] = json.dumps({"phase": phase, "nodes": nodes} | data)
        return run

    def count(self, operation: str) -> int:
        """Return how often an operation was asked for."""
        return self.asked.count(operation)

    def answer(self, authorization: str, body: bytes) -> tuple[int, bytes] | None:
        """Carry one request out; None is no answer at all."""
        asked = json.loads(body)
        operation = asked["operationName"]
        with self._lock:
            self.asked.append(operation)
            fault = self._fault(operation)
            if isinstance(fault, int):
                return fault, b"<html>not now</html>"
            if fault not in {"", "drop", "slow", "lost"}:
                return 200, json.dumps({"data": None, "errors": [{"message": fault}]}).encode()
            if fault == "lost":
                return None
            said = self._carried_out(authorization, asked, body)
        if operation == "saveChaosExperiment":
            self.once_saved()
        if fault == "slow":
            time.sleep(self.slow)
        return None if fault == "drop" else (200, json.dumps(said).encode())

    def _fault(self, operation: str) -> str | int:
        found = next((one for one in self.faults if one[0] == operation), None)
        if found:
            self.faults.remove(found)
        return found[1] if found else ""

    def _carried_out(self, authorization: str, asked: dict[str, Any], body: bytes) -> dict[str, Any]:
        if wrong := problems(schema(), body):
            return {"errors": [{"message": one} for one in wrong]}
        if authorization != f"Bearer {TOKEN}":
            return {"data": None, "errors": [{"message": f"permission_denied: {authorization} is no token"}]}
        root = {"getInfra": self._infra, "getExperimentRun": self._run, "listExperimentRun": self._list}
        root |= {"saveChaosExperiment": self._save, "runChaosExperiment": self._start, "stopExperimentRuns": self._stop}
        result = execute_sync(schema(), parse(asked["query"]), root, variable_values=asked["variables"])
        errors = [{"message": error.message} for error in result.errors or ()]
        return {"data": result.data, **({"errors": errors} if errors else {})}

    def _infra(self, _: Any, projectID: str, infraID: str) -> dict[str, Any]:  # noqa: N803 - GraphQL's names
        if (projectID, infraID) != ("cc-shop", "infra-1"):
            raise GraphQLError("mongo: no documents in result")
        return {"infraID": infraID, "isActive": self.active, "infraNamespace": self.namespace}

    def _save(self, _: Any, projectID: str, request: dict[str, Any]) -> str:  # noqa: N803, ARG002 - GraphQL's names
        manifest = json.loads(request["manifest"])
        if manifest["metadata"]["name"] != request["name"]:
            raise GraphQLError("Workflow name doesn't match")
        others = (kept[-1]["name"] for name, kept in self.revisions.items() if name != request["id"])
        if request["name"] in others:
            raise GraphQLError("experiment name should be unique, duplicate experiment found with name")
        manifest["metadata"]["labels"]["revision_id"] = f"rev-{next(self._numbers)}"
        self.revisions.setdefault(request["id"], []).append(dict(request) | {"manifest": json.dumps(manifest)})
        return f"experiment saved successfully with ID {request['id']}"

    def _start(self, _: Any, projectID: str, experimentID: str) -> dict[str, Any]:  # noqa: N803, ARG002 - likewise
        if not self.active:
            raise GraphQLError("experiment re-run failed due to inactive infra")
        revision = self.revisions[experimentID][-1]
        notify = f"notify-{next(self._numbers)}"
        run = {"notifyID": notify, "experimentRunID": "", "phase": "Queued", "experimentID": experimentID}
        weights = [{"faultName": "pod-delete-", "weightage": 7}]
        self.runs.append(
            run | {"experimentManifest": revision["manifest"], "executionData": "{}", "weightages": weights}
        )
        return {"notifyID": notify}

    def _run(self, _: Any, projectID: str, notifyID: str) -> dict[str, Any]:  # noqa: N803, ARG002 - likewise
        for run in self.runs:
            if run["notifyID"] == notifyID:
                return run
        raise GraphQLError("no matching experiment run")

    def _list(self, _: Any, projectID: str, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N803, ARG002 - likewise
        found = [run | {"notifyID": None} for run in self.runs if run["experimentID"] in request["experimentIDs"]]
        return {"totalNoOfExperimentRuns": len(found), "experimentRuns": found[::-1][: request["pagination"]["limit"]]}

    def _stop(
        self,
        _: Any,
        projectID: str,  # noqa: N803, ARG002
        experimentID: str,  # noqa: N803
        experimentRunID: str | None = None,  # noqa: N803
        notifyID: str | None = None,  # noqa: N803
    ) -> bool:
        for run in self.runs:
            named = (experimentRunID and run["experimentRunID"] == experimentRunID) or run["notifyID"] == notifyID
            if run["experimentID"] == experimentID and (named or not (experimentRunID or notifyID)):
                run["phase"] = "Stopped"
        return True


def engine(
    verdict: str = "Pass", percentage: str = "100", *, fault: str = "pod-delete", **chaos: Any
) -> dict[str, Any]:
    """Return a ChaosEngine's node as an agent reports it, with its ChaosResult."""
    probes = [{"name": "up", "status": {"verdict": "Passed"}}]
    status = {"experimentStatus": {"verdict": verdict, "probeSuccessPercentage": percentage}, "probeStatuses": probes}
    data = {
        "engineUID": f"uid-of-{fault}",
        "engineName": f"{fault}-x7k2p",
        "namespace": "litmus",
        "experimentName": fault,
        "experimentStatus": "Completed",
        "experimentVerdict": verdict,
        "probeSuccessPercentage": percentage,
        "chaosResult": {"metadata": {"name": fault}, "spec": {}, "status": status},
    }
    return {"name": fault, "phase": "Completed", "type": "ChaosEngine", "children": None, "chaosData": data | chaos}


def _handler(stand: ChaosCenterStand) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            stand.traces.append(self.headers.get("traceparent"))
            said = stand.answer(self.headers.get("authorization", ""), body)
            if said is None:
                self.close_connection = True
                return
            self.send_response(said[0])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said[1])))
            self.end_headers()
            self.wfile.write(said[1])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
