"""Experiments as git holds them, and edits of them, which become commits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.errors import BadInput, Conflict, NotFound
from shared.model.calls import Answer, Call
from shared.model.experiments import Experiment, Manifest
from shared.rules.edits import blob_id
from shared.rules.routing import doubts
from shared.services.accepting import Accepting
from shared.services.api.desk import Desk, enabled
from shared.services.api.manifests import is_json, judged, placeless, prefers, written
from shared.services.api.operations import JSON, YAML, Operation, parse
from shared.services.api.paging import QUERY, listing
from shared.services.api.tags import seen, tagged
from shared.services.edits import Edits
from shared.services.portal_records import listed, open_edits
from shared.services.sending import Saved
from shared.services.tables import BLOBS, EXPERIMENTS, MEMBERS
from shared.wire.files import read_file
from shared.wire.traces import continued

OWNER: Final = "litmus-gitops owner <owner@litmus-gitops.invalid>"
_PERSON: Final = re.compile(r"[^<>]{1,100} <[^<>\s]{1,200}>")
_BODIES: Final = (JSON, *YAML)
_EDITS: Final = ("If-Match", "X-Editor")


@dataclass(frozen=True, slots=True)
class Experiments:
    """Files of the project's folder, as their last sync found them."""

    desk: Desk
    edits: Edits

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        base = "/projects/{project}/experiments"
        one, check = f"{base}/{{experiment}}", "/projects/{project}/validate"
        make = "Make an experiment, whatever its id; it becomes a commit"
        accept = "Let the schedule of an experiment be installed on its clusters, or have it removed"
        move = "Move an experiment's file to another path; that becomes a commit"
        return [
            Operation("GET", base, "List experiments", self.browse, query=QUERY),
            Operation("GET", one, "Show an experiment, or its YAML", self.show, yields=YAML[:1]),
            Operation("POST", base, make, self.create, status=201, also=_BODIES, headers=_EDITS[1:]),
            Operation("PUT", one, "Write an experiment; it becomes a commit", self.save, also=_BODIES, headers=_EDITS),
            Operation("DELETE", one, "Delete an experiment; that becomes a commit", self.delete, headers=_EDITS),
            Operation("POST", f"{one}/rename", move, self.rename, "RenameBody", headers=_EDITS[1:]),
            Operation("POST", f"{one}/schedule", accept, self.schedule, "ScheduleBody", 202, headers=_EDITS),
            Operation("POST", check, "Check a manifest or policy", self.validate, also=_BODIES),
        ]

    def browse(self, call: Call) -> Answer:
        """List experiments by id."""
        partition = EXPERIMENTS.partition(self.desk.project(call).value.id)
        return listing(self.desk.store, partition, call, lambda record: row(EXPERIMENTS.read(record).value))

    def show(self, call: Call) -> Answer:
        """Answer the file's own bytes where `Accept` prefers YAML, the experiment as JSON otherwise.

        While an edit of it is pending, the file is the edited one: that is what the next edit builds upon.
        """
        project, found = call.params["project"], self._find(call)
        edited = self._pending(project, found)
        headers = {**tagged(_version(found, edited)), "Vary": "Accept"}
        if not prefers(call.headers.get("accept", ""), YAML, JSON):
            shown = show(found)
            return Answer(200, shown | {"warnings": [*shown["warnings"], *self._doubts(call, found)]}, headers)
        return Answer(200, edited or self._text(project, found), {**headers, "Content-Type": YAML[0]})

    def create(self, call: Call) -> Answer:
        """Write a new file, named after its experiment: 201 once it is a commit, 202 while it waits."""
        project, text = self.desk.project(call).value, written(call)
        enabled(project)
        with placeless(call):
            saved = self.edits.save(project.id, None, text, None, author(call), continued(call.headers))
        answer = _edited(saved, tagged(blob_id(text)))
        return answer if saved.commit is None else msgspec.structs.replace(answer, status=201)

    def rename(self, call: Call) -> Answer:
        """Move the file; the experiment stays the same one: 200 once that is a commit, 202 while it waits."""
        project = self.desk.project(call).value
        enabled(project)
        path = parse("RenameBody", call).path
        name, trace = call.params["experiment"], continued(call.headers)
        return _edited(self.edits.rename(project.id, name, path, author(call), trace), {})

    def save(self, call: Call) -> Answer:
        """Write the whole file: 200 once it is a commit, 202 while it waits for the git host or its pull request.

        Where git changed since, it is merged (`merged: true`); an overlap is 409 with the id of its conflict object.
        """
        project, name = self.desk.project(call).value, call.params["experiment"]
        enabled(project)
        base, text = self._base(call), written(call)
        with placeless(call):
            saved = self.edits.save(project.id, name, text, base, author(call), continued(call.headers))
        return _edited(saved, tagged(blob_id(text)))

    def delete(self, call: Call) -> Answer:
        """Delete the file: 200 once that is a commit, 202 while it waits for the git host."""
        project = self.desk.project(call).value
        enabled(project)
        self._find(call)
        name, trace = call.params["experiment"], continued(call.headers)
        saved = self.edits.delete(project.id, name, self._base(call), author(call), trace)
        if saved.commit is None:
            return _edited(saved, {})
        gone = saved.experiment
        return Answer(200, {"id": gone.id, "path": gone.path, "commit": saved.commit})

    def schedule(self, call: Call) -> Answer:
        """Accept, and where that is needed approve, or decline a schedule; again has what failed ordered anew.

        With `If-Match` only of the text that was seen: 409 where git holds another.
        """
        project, said = self.desk.project(call).value, parse("ScheduleBody", call)
        enabled(project)
        accepting = Accepting(self.desk.store, self.desk.clock, self.desk.ids, continued(call.headers))
        name = call.params["experiment"]
        accepting.accept(project.id, name, author(call), said.reason, accept=said.accept, seen=seen(call))
        return Answer(202, row(self._find(call)))

    def validate(self, call: Call) -> Answer:
        """Say what is wrong with a manifest or policy, without keeping it."""
        self.desk.project(call)
        return Answer(200, judged(read_file("manifest.yaml", written(call)), places=not is_json(call)))

    def _find(self, call: Call) -> Experiment:
        project, name = self.desk.project(call).value.id, call.params["experiment"]
        found = EXPERIMENTS.load(self.desk.store, project, name)
        if found is None:
            raise NotFound(f"no experiment {name[:80]!r} in project {project!r}")
        return found.value

    def _doubts(self, call: Call, experiment: Experiment) -> list[dict[str, Any]]:
        """Return what is odd about where it is to run, as the project's clusters are now."""
        project = self.desk.project(call).value
        clusters = [row.value for row in listed(self.desk.store, MEMBERS, project.id)]
        infra_ids = project.gitops.infra_ids if project.gitops else {}
        found = doubts(experiment.manifest, clusters, infra_ids) if experiment.manifest else ()
        return [msgspec.to_builtins(doubt) for doubt in found]

    def _base(self, call: Call) -> str | None:
        """Return the blob that the editor saw, as `If-Match` names it; None where it names none."""
        if not call.headers.get("if-match"):
            return None
        project, name, versions = call.params["project"], call.params["experiment"], seen(call)
        found = EXPERIMENTS.load(self.desk.store, project, name)
        if found is None:
            if versions is None:
                raise Conflict(f"experiment {name[:80]!r} is no longer there: save it without If-Match to make it anew")
            return versions[0]
        if versions is None:
            return None
        present = _version(found.value, self._pending(project, found.value))
        return present if present in versions else versions[0]

    def _pending(self, project: str, experiment: Experiment) -> bytes | None:
        """Return the text of the newest edit that waits, None where none does."""
        if experiment.state != "pending":
            return None
        edits = (edit for edit in open_edits(self.desk.store, project) if edit.experiment == experiment.id)
        texts = [edit.text for edit in edits if edit.state != "conflict"]
        return texts[-1] if texts else None

    def _text(self, project: str, experiment: Experiment) -> bytes:
        text = BLOBS.load(self.desk.store, project, experiment.blob)
        if text is None:
            raise NotFound(f"the text of {experiment.path} is not kept here, since it is over 256 KiB: see it in git")
        return text.value


def row(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as lists show it; `commit` is null until git has it.

    Where nothing else is wrong, `problem` says what a cluster lacks for its schedule.
    """
    shown: dict[str, Any] = msgspec.to_builtins(experiment)
    del shown["manifest"], shown["schedule_failed"]
    lacking = {"message": experiment.schedule_reason, "line": None, "column": None}
    problem = lacking if experiment.schedule_failed and experiment.state == "synced" else shown["problem"]
    return shown | {"commit": experiment.commit or None, "problem": problem}


def show(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment with what its manifest says: where, which faults, and what is odd about it."""
    manifest = experiment.manifest or Manifest("Workflow", "")
    said: dict[str, Any] = msgspec.to_builtins(manifest)
    return row(experiment) | {name: said[name] for name in ("namespace", "infra_id", "faults", "warnings")}


def author(call: Call) -> str:
    """Return who edits, `Name <mail>`, as the header X-Editor says in UTF-8, else the owner."""
    given = call.headers.get("x-editor", OWNER)
    try:
        editor = given.encode("latin-1").decode()
    except UnicodeError:
        editor = given
    if not editor.isprintable() or not _PERSON.fullmatch(editor):
        raise BadInput("X-Editor is not of the form `Name <mail>`, in one line of UTF-8")
    return editor


def _version(experiment: Experiment, edited: bytes | None) -> str:
    return experiment.blob if edited is None else blob_id(edited)


def _edited(saved: Saved, headers: Mapping[str, str]) -> Answer:
    shown = show(saved.experiment) | {"merged": saved.merged, "pull": saved.pull}
    if saved.commit is None:
        return Answer(202, shown, headers)
    return Answer(200, shown | {"commit": saved.commit}, tagged(saved.experiment.blob))
