"""The whole loop in steps, each observed from outside and timed; the first that is not seen ends the demo by name."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import urllib3

from infra.demo import manifests
from infra.demo.kubernetes_api.definitions import definitions
from infra.demo.stage import CLUSTER, PROJECT, ROOT, Stage
from shared.errors import Conflict, LitmusGitopsError
from shared.ports.kubernetes import KubernetesApi

Step = Callable[[Stage], str]
WORKLOAD = f"Deployment/{manifests.NAMESPACE}/web"


def kubernetes(stage: Stage) -> str:
    """A Kubernetes API answers, with what a chaos-ready cluster has."""
    kind = stage.start_kubernetes()
    api = stage.kubernetes()
    for definition in definitions():
        _create(api, "apiextensions.k8s.io/v1/customresourcedefinitions", "", definition)
    for resource in {resource for resource, _, _ in manifests.ground()}:
        stage.until(lambda resource=resource: api.serves(resource) or None, f"{resource} to be served")  # type: ignore[misc]
    for resource, namespace, body in manifests.ground():
        _create(api, resource, namespace, body)
    if not api.list("v1/nodes"):
        api.create("v1/nodes", "", manifests.node())
    return kind


def portal(stage: Stage) -> str:
    """Every function serves in one process."""
    stage.start_portal()
    return stage.base


def repository(stage: Stage) -> str:
    """A project follows a bare repository whose post-receive hook tells of pushes."""
    stage.git("init", "-q", "--bare", "-b", "main", str(stage.bare), at=stage.folder)
    secret = stage.folder / "data" / "secrets" / "hook"
    secret.write_text("the-demo-hook-secret", encoding="utf-8")
    shutil.copy2(ROOT / "infra" / "git" / "post-receive", stage.bare / "hooks" / "post-receive")
    stage.git("config", "litmus.url", f"{stage.base}/git/{PROJECT}", at=stage.bare)
    stage.git("config", "litmus.secretFile", str(secret), at=stage.bare)
    stage.git("clone", "-q", str(stage.bare), str(stage.work), at=stage.folder)
    stage.git("checkout", "-q", "-b", "main")
    stage.portal.call("POST", "/projects", {"id": PROJECT, "name": "Demo"})
    gitops = {"repo_url": f"file://{stage.bare}", "webhook_secrets": ["file:hook"], "mode": "enforce"}
    stage.portal.call("PUT", stage.project("/gitops"), gitops)
    return f"file://{stage.bare}"


def push(stage: Stage) -> str:
    """An experiment and a policy are pushed and appear in the portal."""
    folder = stage.work / "litmus" / PROJECT
    folder.mkdir(parents=True)
    (folder / "web-pod-delete.yaml").write_text(stage.experiment, encoding="utf-8")
    (folder / "new-image.yaml").write_text(manifests.POLICY, encoding="utf-8")
    stage.git("add", "-A")
    stage.git("commit", "-q", "-m", "Delete a pod of web")
    stage.git("push", "-q", "origin", "main")
    stage.commit = stage.git("rev-parse", "HEAD")
    found = stage.until(lambda: _experiment(stage), "the pushed experiment in the portal")
    if found["state"] != "synced":
        raise RuntimeError(f"the experiment is {found['state']}: {found['problem']}")
    stage.until(lambda: stage.events("delivery"), "the delivery in the ledger")
    return f"{found['id']} at {found['commit'][:10]}"


def subscriber(stage: Stage) -> str:
    """The cluster is registered, its subscriber runs and is heard."""
    url = f"http://127.0.0.1:{stage.subscriber_port}/orders"
    body = {"id": CLUSTER, "name": "The demo's cluster", "subscriber_url": url}
    stage.cluster = stage.portal.call("POST", stage.project("/clusters"), body)
    stage.start_subscriber()
    clusters = stage.project("/clusters")
    stage.until(lambda: next(stage.portal.items(clusters, 1))["last_seen"], "the subscriber's heartbeat")
    return url


def watch(stage: Stage) -> str:
    """The API server calls our admission webhook: a new workload is tracked and triggers nothing."""
    api = stage.kubernetes()
    registration = manifests.webhook(*stage.admission())
    _create(api, "admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "", registration)
    stage.until(lambda: _asked(stage, api), "the API server to call the webhook")
    api.create("apps/v1/deployments", manifests.NAMESPACE, manifests.deployment(manifests.IMAGES[0]))
    seen = stage.until(lambda: _change(stage, "CREATE"), "the new workload in the ledger")
    if seen["verdict"] != "ignored":
        raise RuntimeError(f"a new workload must trigger nothing, but: {seen['verdict']}, {seen['reason']}")
    return str(seen["reason"])


def change(stage: Stage) -> str:
    """Its image changes, and policy decides that this counts."""
    patch = {"spec": manifests.deployment(manifests.IMAGES[1])["spec"]}
    stage.kubernetes().patch("apps/v1/deployments", manifests.NAMESPACE, "web", patch)
    seen = stage.until(lambda: _change(stage, "UPDATE"), "the change in the ledger")
    if seen["verdict"] != "triggered":
        raise RuntimeError(f"the change must trigger, but: {seen['verdict']}, {seen['reason']}")
    return f"{seen['detail']['changed']}: {seen['reason']}"


def order(stage: Stage) -> str:
    """The experiment is resolved at the branch head and its signed order reaches the subscriber."""
    run = stage.until(lambda: next(iter(stage.portal.items(stage.project("/runs"), 1)), None), "a run")
    stage.run = run["id"]
    stage.until(lambda: _row(stage, "order", "taken"), "the subscriber to take the order")
    return f"order {stage.run}"


def apply(stage: Stage) -> str:
    """The subscriber proves the change, waits for the rollout and creates the Workflow."""
    api = stage.kubernetes()
    name = "argoproj.io/v1alpha1/workflows"
    found = stage.until(lambda: api.list(name, manifests.NAMESPACE), "the Workflow in the cluster")
    return str(found[0]["metadata"]["name"])


def score(stage: Stage) -> str:
    """The run ends, and its resiliency score stands in the portal."""
    run = stage.until(lambda: _ended(stage), "the run to end")
    if (run["state"], run["verdict"], run["score"]) != ("completed", "Pass", 100.0):
        raise RuntimeError(f"the run ended as {run['state']} {run['verdict']} {run['score']}: {run['message']}")
    return f"{run['verdict']}, score {run['score']}"


def note(stage: Stage) -> str:
    """The score stands on the commit, in refs/notes/litmus."""
    text = stage.until(lambda: _note(stage), "the note on the commit")
    if "100" not in text:
        raise RuntimeError(f"the note says no score: {text}")
    return text.splitlines()[0]


STEPS: tuple[Step, ...] = (
    kubernetes,
    portal,
    repository,
    push,
    subscriber,
    watch,
    change,
    order,
    apply,
    score,
    note,
)


def run(*, keep: bool = False, steps: tuple[Step, ...] = STEPS) -> int:
    """Walk the steps and return the exit status: 0 only if each was observed."""
    folder = Path(tempfile.mkdtemp(prefix="litmus-gitops-demo-"))
    try:
        with ExitStack() as parts:
            return walk(Stage(folder, parts), steps)
    finally:
        if keep:
            click.echo(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def walk(stage: Stage, steps: tuple[Step, ...]) -> int:
    """Do each step, print its line, and stop at the first that fails."""
    started = time.monotonic()
    for step in steps:
        begun = time.monotonic()
        try:
            found = step(stage)
        except (RuntimeError, click.ClickException, LitmusGitopsError) as error:
            reason = error.message if isinstance(error, click.ClickException) else str(error)
            click.echo(f"✗ {step.__name__:<12} {_first(step)}\n  failed: {reason}", file=sys.stderr)
            return 1
        click.echo(f"✓ {step.__name__:<12} {time.monotonic() - begun:6.2f} s  {_first(step)}\n  {found}")
    click.echo(f"the whole loop in {time.monotonic() - started:.1f} s")
    return 0


def _first(step: Step) -> str:
    return (step.__doc__ or "").strip()


def _create(api: KubernetesApi, resource: str, namespace: str, body: dict[str, Any]) -> None:
    try:
        api.create(resource, namespace, body)
    except Conflict:
        return


def _experiment(stage: Stage) -> dict[str, Any] | None:
    rows = stage.portal.items(stage.project("/experiments"), 10)
    return next((row for row in rows if row["id"] == manifests.WORKFLOW_ID), None)


def _change(stage: Stage, operation: str) -> dict[str, Any] | None:
    rows = stage.events("change")
    return next((row for row in rows if row["subject"] == WORKLOAD and row["detail"]["operation"] == operation), None)


def _asked(stage: Stage, api: KubernetesApi) -> bool:
    """Make an unwatched workload come and go, which our webhook only counts."""
    resource = "apps/v1/deployments"
    probe = manifests.deployment(manifests.IMAGES[0])
    probe["metadata"] = {"name": "probe", "namespace": manifests.NAMESPACE}
    api.create(resource, manifests.NAMESPACE, probe)
    api.delete(resource, manifests.NAMESPACE, "probe")
    return b"litmus_gitops_reviews_total{" in urllib3.request("GET", f"{stage.base}/metrics").data


def _row(stage: Stage, kind: str, verdict: str) -> dict[str, Any] | None:
    return next((row for row in stage.events(kind) if row["verdict"] == verdict), None)


def _ended(stage: Stage) -> dict[str, Any] | None:
    run = stage.portal.call("GET", stage.project(f"/runs/{stage.run}"))
    return None if run["state"] in {"queued", "waiting", "running"} else run


def _note(stage: Stage) -> str | None:
    try:
        return stage.git("notes", "--ref", "litmus", "show", stage.commit, at=stage.bare)
    except RuntimeError:
        return None
