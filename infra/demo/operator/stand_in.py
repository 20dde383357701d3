"""Stands in for those who would act in a cluster of one's own: workflow controller, chaos operator, controllers."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import urllib3
from kubernetes.client import ApiException

from infra.demo.operator.cluster import Cluster
from infra.demo.operator.engines import ENGINES, RESULTS, Engines, place
from infra.demo.operator.rollouts import RESOURCES, Rollouts
from infra.demo.operator.workflows import WORKFLOWS, Workflows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from infra.demo.operator.outcomes import Document, Outcome

LOGGER = logging.getLogger(__name__)
DELETED = "deletionTimestamp"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks, that a fault lasts, and that pass before a changed workload is rolled out."""

    look: float = 0.2
    fault: float = 1.0
    rollout: float = 0.3


class Operator:
    """Carries Workflows and ChaosEngines out, without chaos, for as long as the `with` block lasts.

    It looks at the cluster again and again and moves each object on by one step; all that it decides by stands in the
    objects, so it may be stopped and started again at any time.

    Args:
        kubeconfig: of any Kubernetes API that has the custom resources, or will.
        outcomes: how a fault ends, by its name; one that is not named passes.
        rollouts: whether to play the workloads' controllers too, for an API server that has none.
        namespace: the one to act in; all of them if empty.
        pace: how long everything takes.
    """

    def __init__(
        self,
        kubeconfig: Path,
        *,
        outcomes: Mapping[str, Outcome] | None = None,
        rollouts: bool = False,
        namespace: str = "",
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._cluster = Cluster(kubeconfig, namespace)
        self._workflows = Workflows(self._cluster)
        self._engines = Engines(self._cluster, outcomes or {}, self._pace.fault)
        self._rollouts = Rollouts(self._cluster, self._pace.rollout) if rollouts else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-operator")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._cluster.close()

    def _run(self) -> None:
        while not self._stop.wait(self._pace.look):
            _guarded(self._look)

    def _look(self) -> None:
        results = {place(result): result for result in self._cluster.list(RESULTS)}
        engines = {place(engine): engine for engine in self._cluster.list(ENGINES)}
        for workflow in _living(self._cluster.list(WORKFLOWS)):
            _guarded(self._workflows.step, workflow, engines)
        for engine in _living(list(engines.values())):
            _guarded(self._engines.step, engine, results)
        if self._rollouts is not None:
            self._roll_out(self._rollouts)

    def _roll_out(self, rollouts: Rollouts) -> None:
        nodes = len(self._cluster.list("v1/nodes", everywhere=True))
        for resource in RESOURCES:
            for workload in _living(self._cluster.list(resource)):
                _guarded(rollouts.step, resource, workload, nodes)


def _living(documents: list[Document]) -> list[Document]:
    return [document for document in documents if DELETED not in document["metadata"]]


def _guarded(act: Callable[..., None], *arguments: Any) -> None:
    """Let one object's refusal or wrong form, or a moment without an answer, hold up no other; try at the next look."""
    try:
        act(*arguments)
    except (ApiException, urllib3.exceptions.HTTPError, LookupError, TypeError, ValueError) as error:
        LOGGER.warning("the demo's operator will try again: %s: %s", type(error).__name__, error)
