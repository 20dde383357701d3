"""Records what a release leaves behind: its store in the middle of things, its repository, its records' shapes.

Run it in the tree of the release, with this folder's file: `python recording.py <name>.json`. Everything is real: the
engine, a repository, signed calls. What it prints is what later releases are held to.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.clients.ids import new_id
from shared.clients.opening import open_store
from shared.rules.keys import subscriber_key
from shared.services import tables
from shared.services.dirt import dirty
from shared.wire import standard_webhooks
from tests.gitserver import Clone, git
from tests.infra.loop import CLUSTER, OWNER, WORKFLOW_ID, Loop, send, until

CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: litmus, labels: {workflow_id: nightly-1}}
spec:
  schedule: "0 3 * * *"
  workflowSpec:
    entrypoint: a
    templates: [{name: a, container: {image: busybox}}]
"""
POLICY = """\
apiVersion: eventtracker.litmuschaos.io/v1
kind: EventTrackerPolicy
metadata: {name: images}
spec:
  condition_type: or
  conditions: [{key: "spec.template.spec.containers[0].image", operator: Change}]
"""
SAFETY = {
    "cooldown": "10m",
    "windows": [{"cron": "0 9 * * 1-5", "duration": "8h", "time_zone": "Europe/Paris"}],
    "allowed_faults": ["pod-*"],
    "approval_namespaces": ["prod"],
    "stop_conditions": [{"name": "page", "url": "https://monitor.example.com", "alert": "Errors"}],
}
SINKS = [{"name": "bus", "url": "https://events.example.com", "events": ["run.*"]}]
AFTER = "litmus/shop/after.yaml"


def _unheard(_: str) -> None:
    """Report nothing."""


def _owner() -> dict[str, str]:
    return {"Authorization": f"Bearer {OWNER}"}


class _Silent(Loop):
    """A loop whose subscriber takes orders and reports none of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.subscriber._report = _unheard  # type: ignore[method-assign, assignment]  # noqa: SLF001 - it is ours
        clone = Clone(folder / "work")
        clone.write("litmus/shop/nightly.yaml", CRON)
        clone.write("litmus/shop/policy.yaml", POLICY)
        clone.write("litmus/shop/broken.yaml", "kind: Workflow\nkind: Workflow\n")

    def ask(self, method: str, path: str, body: object) -> None:
        status = send(method, f"{self.base}/api/projects{path}", json.dumps(body).encode(), **_owner())
        assert status in range(200, 300), (path, status)

    def begin(self) -> None:
        """Report that the run has begun, and no more."""
        [run] = self.rows("runs")
        told = {"order": run["order"], "run": run["id"], "state": "running", "phase": "Running", "verdict": "Awaited"}
        body = json.dumps({**told, "faults": [], "message": "", "at": "2025-12-31T00:00:00Z"}).encode()
        key = subscriber_key(bytes.fromhex((self.folder / "data" / "keys" / "master").read_text()), CLUSTER, 1)
        signed = standard_webhooks.sign(key, "begun", int(time.time()), body)
        assert 200 == send("POST", f"{self.base}/reports/{CLUSTER}", body, **signed)


def recorded(folder: Path) -> dict[str, Any]:
    """Return all that is left behind when the engine stops with a run under way and a push not yet synced."""
    loop = _Silent(folder)
    settings = LocalSettings(data_dir=folder / "data", port=loop.port, admin_token=OWNER, threads=8, couriers=4)
    with loop.subscriber:
        with Engine(settings):
            loop.drive(lambda: False)
            until(lambda: [run for run in loop.rows("runs") if run["order"] in loop.subscriber.orders], "the order")
            until(lambda: len(loop.rows("experiments")) == 3, "the sync")
            loop.begin()
            loop.ask("POST", "", {"id": "other", "name": "Other"})
            loop.ask("PUT", "/other/safety", SAFETY)
            loop.ask("PUT", "/other/sinks", SINKS)
            loop.ask("PUT", "/other/freeze", {"reason": "release week"})
            loop.ask("POST", "/other/clusters", {"id": "c2", "name": "Polls", "labels": {"stage": "prod"}})
            time.sleep(2)  # for what is on its way
        data = folder / "data"
        store = open_store(f"sqlite:{data / 'litmus-gitops.db'}")
        clone = Clone(folder / "work")
        clone.write(AFTER, (folder / "work/litmus/shop/web.yaml").read_text().replace(WORKFLOW_ID, "after-1"))
        clone.push("Pushed while nobody served.")
        store.commit(*dirty(store, new_id, "shop"))
        text = json.dumps(_left(data) | {"repository": _bundle(folder)})
        text = text.replace(str(folder), "@FOLDER@").replace(loop.subscriber.url, "@SUBSCRIBER@")
    return {**json.loads(text), "shapes": shapes()}


def shapes() -> dict[str, Any]:
    """Return the JSON Schema of each table's records, by partition, and of all that they hold, by name."""
    kinds = types()
    schemas, components = msgspec.json.schema_components(kinds.values(), ref_template="{name}")
    return {"tables": dict(zip(kinds, schemas, strict=True)), "structs": components}


def types() -> dict[str, Any]:
    """Return the type of each table's records, by the beginning of its partitions.

    Where two tables share one, the first is what is written, the other a view of the same records.
    """
    found = [table for table in vars(tables).values() if isinstance(table, tables.Table)]
    return {table._partition: table._decoder.type for table in reversed(found)}  # noqa: SLF001 - as any release has it


def _left(data: Path) -> dict[str, Any]:
    connection = sqlite3.connect(data / "litmus-gitops.db")
    read = connection.execute
    records = read("SELECT partition, sort, value, version FROM record ORDER BY partition, sort").fetchall()
    messages = read("SELECT id, function, action, ids, sent_at, visible_at, attempts FROM message").fetchall()
    letters = read("SELECT id, function, action, ids, attempts, reason, died_at FROM dead_letter").fetchall()
    return {
        "key": (data / "keys" / "master").read_text(),
        "records": [[partition, sort, json.loads(value), version] for partition, sort, value, version in records],
        "messages": messages,
        "dead_letters": letters,
    }


def _bundle(folder: Path) -> str:
    git("bundle", "create", "-q", str(folder / "all.bundle"), "--all", cwd=folder / "chaos.git")
    return base64.b64encode((folder / "all.bundle").read_bytes()).decode()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        Path(sys.argv[1]).write_text(json.dumps(recorded(Path(place)), indent=1) + "\n")
