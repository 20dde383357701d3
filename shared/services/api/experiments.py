"""Experiments as git holds them, and edits of them, which become commits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.errors import BadInput, NotFound
from shared.model.calls import Answer, Call
from shared.model.experiments import Experiment, Manifest, Problem
from shared.model.policies import Policy
from shared.services.api.desk import Desk, enabled
from shared.services.api.operations import JSON, YAML, Operation
from shared.services.api.paging import listing
from shared.services.edits import Edits, Saved
from shared.services.tables import BLOBS, EXPERIMENTS, Versioned
from shared.wire.files import read_file
from shared.wire.writing import manifest_text

OWNER = "litmus-gitops owner <owner@litmus-gitops.invalid>"
_PERSON = re.compile(r"[^<>\n]{1,100} <[^<>\s]{1,200}>")


@dataclass(frozen=True, slots=True)
class Experiments:
    """Files of the project's folder, as their last sync found them."""

    desk: Desk
    edits: Edits

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        base = "/projects/{project}/experiments"
        one = f"{base}/{{experiment}}"
        return [
            Operation("GET", base, "List experiments", self.browse),
            Operation("GET", one, "Show an experiment, or its YAML", self.show),
            Operation("PUT", one, "Write an experiment; it becomes a commit", self.save, also=(JSON, *YAML)),
            Operation("DELETE", one, "Delete an experiment; that becomes a commit", self.delete),
            Operation("POST", "/projects/{project}/validate", "Check a manifest", self.validate, also=(JSON, *YAML)),
        ]

    def browse(self, call: Call) -> Answer:
        """List experiments by id."""
        partition = EXPERIMENTS.partition(self.desk.project(call).value.id)
        return listing(self.desk.store, partition, call, lambda record: row(EXPERIMENTS.read(record).value))

    def show(self, call: Call) -> Answer:
        """Answer the file's own bytes under `Accept: application/yaml`, the experiment as JSON otherwise."""
        found = self._find(call).value
        headers = {"ETag": f'"{found.blob}"', "Vary": "Accept"}
        if not any(media in call.headers.get("accept", "") for media in YAML):
            return Answer(200, show(found), headers)
        text = BLOBS.load(self.desk.store, call.params["project"], found.blob)
        if text is None:
            raise NotFound(f"the text of {found.path} is not here: sync the project")
        return Answer(200, text.value, headers | {"Content-Type": YAML[0]})

    def save(self, call: Call) -> Answer:
        """Write the whole file: 200 once it is a commit, 202 while it waits for the git host, 409 in a conflict."""
        project = self.desk.project(call).value
        enabled(project)
        saved = self.edits.save(project.id, call.params["experiment"], _yaml(call), _base(call), _author(call))
        return _edited(saved)

    def delete(self, call: Call) -> Answer:
        """Delete the file: 200 once that is a commit, 202 while it waits for the git host."""
        project = self.desk.project(call).value
        enabled(project)
        return _edited(self.edits.delete(project.id, call.params["experiment"], _base(call), _author(call)))

    def validate(self, call: Call) -> Answer:
        """Say what is wrong with a manifest or policy, without keeping it."""
        self.desk.project(call)
        found = read_file("manifest.yaml", call.body)
        return Answer(200, _judged(found))

    def _find(self, call: Call) -> Versioned[Experiment]:
        project, experiment = self.desk.project(call).value, call.params["experiment"]
        found = EXPERIMENTS.load(self.desk.store, project.id, experiment)
        if found is None:
            raise NotFound(f"no experiment {experiment!r} in project {project.id!r}")
        return found


def row(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as lists show it."""
    shown: dict[str, Any] = msgspec.to_builtins(experiment)
    del shown["manifest"]
    return shown


def show(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment with what its manifest says: where, which faults, and what is odd about it."""
    manifest = experiment.manifest or Manifest("Workflow", "")
    said: dict[str, Any] = msgspec.to_builtins(manifest)
    return row(experiment) | {name: said[name] for name in ("namespace", "infra_id", "faults", "warnings")}


def _edited(saved: Saved) -> Answer:
    shown = show(saved.experiment) if saved.experiment else {"state": "removed" if saved.commit else "pending"}
    status = 200 if saved.commit is not None else 202
    return Answer(status, shown | {"commit": saved.commit} if saved.commit else shown)


def _judged(found: Manifest | Policy | Problem) -> dict[str, Any]:
    problem = found if isinstance(found, Problem) else found.problem if isinstance(found, Policy) else None
    kind = found.kind if isinstance(found, Manifest) else "EventTrackerPolicy" if isinstance(found, Policy) else None
    warnings = found.warnings if isinstance(found, Manifest) else ()
    problems = [problem] if problem else []
    return {
        "valid": problem is None,
        "kind": kind,
        "problems": msgspec.to_builtins(problems),
        "warnings": msgspec.to_builtins(warnings),
    }


def _yaml(call: Call) -> bytes:
    """Return the file to write: YAML as it came, or a JSON manifest written as YAML."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return manifest_text(call.body) if media == JSON else call.body


def _base(call: Call) -> str | None:
    """Return the blob that the editor saw, as `If-Match` names it."""
    return call.headers.get("if-match", "").strip().removeprefix("W/").strip('"') or None


def _author(call: Call) -> str:
    """Return who edits, `Name <mail>`, as the header X-Editor says, else the owner."""
    editor = call.headers.get("x-editor", OWNER)
    if not _PERSON.fullmatch(editor):
        raise BadInput("X-Editor is not of the form `Name <mail>`")
    return editor
