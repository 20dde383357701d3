"""portal → git: an edit is recorded, then brought into git; while git is away it waits."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.errors import Conflict, Invalid, LitmusGitopsError, NotFound, Overlap
from shared.model.experiments import Edit, Experiment, Manifest, Problem
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.ports.ambient import Clock, Ids
from shared.ports.state import Store
from shared.rules.edits import blob_id, path_for
from shared.rules.identity import mint
from shared.rules.offers import is_offered
from shared.services.edit_records import EditRecords
from shared.services.ledger import stamp
from shared.services.portal_records import listed, open_edits
from shared.services.repositories import Repositories
from shared.services.sending import Saved, Sending
from shared.services.tables import BLOBS, EDITS, EXPERIMENTS, PROJECTS, Versioned
from shared.wire.files import read_file


@dataclass(frozen=True, slots=True)
class Edits:
    """Saves, renames and removals of experiments in the portal."""

    store: Store
    repositories: Repositories
    clock: Clock
    ids: Ids

    def save(  # noqa: PLR0913, PLR0917 - what a person says, and in which trace
        self,
        project: str,
        experiment: str | None,
        text: bytes,
        base: str | None,
        author: str,
        traceparent: str = "",
    ) -> Saved:
        """Write the whole file of `experiment`, or of a new one.

        `base` is the blob that the author saw (None: what the portal shows). Raises `Invalid` with line and column,
        `Overlap` if git changed the same thing, or what the git host refuses it with.
        """
        gitops, manifest = self._gitops(project), manifest_of(text)
        was = None if experiment is None else EXPERIMENTS.load(self.store, project, experiment)
        if was is None and experiment is not None and base is not None:
            edit = self._gone(project, gitops, experiment, manifest, text, base)
        elif was is None:
            edit = self._new(project, gitops, experiment, manifest, text)
        else:
            check_label(manifest, was.value.id)
            edit = self._of(project, was.value, text, base)
        edit = msgspec.structs.replace(edit, author=author, traceparent=traceparent)
        return self._begin(gitops, edit, was.value if was else None)

    def delete(self, project: str, experiment: str, base: str | None, author: str, traceparent: str = "") -> Saved:
        """Delete an experiment's file."""
        gitops, was = self._gitops(project), self._shown(project, experiment)
        edit = self._of(project, was, None, base)
        return self._begin(gitops, msgspec.structs.replace(edit, author=author, traceparent=traceparent), was)

    def rename(self, project: str, experiment: str, path: str, author: str, traceparent: str = "") -> Saved:
        """Move an experiment's file to another path of the project's folder, in one commit; its id stays."""
        gitops, was = self._gitops(project), self._shown(project, experiment)
        _check_path(path, gitops.path)
        edit = self._of(project, was, b"", None)
        if edit.path == path:
            raise Conflict(f"{path} is its path already")
        if taken := self._taken(project).get(path):
            raise Conflict(f"{path} is the file of experiment {taken!r}: choose another path")
        if is_offered(was):
            raise Conflict(f"{edit.path} is only in the portal: export it to git, then rename it")
        text = self._text(project, edit)
        moved = msgspec.structs.replace(edit, text=text, path=path, moves=edit.path)
        return self._begin(gitops, msgspec.structs.replace(moved, author=author, traceparent=traceparent), was)

    def settle(self, was: Versioned[Edit], edit: Edit) -> Saved:
        """Send a conflict on its way again, as a person settled it; where it is refused, it stays as it was."""
        gitops = self._gitops(edit.project)
        self._records.again(was, edit)
        shown = EXPERIMENTS.load(self.store, edit.project, edit.experiment)
        gone = Experiment(edit.experiment, edit.path, "", "", "conflict", edit.at)
        try:
            return self._sending.send(gitops, edit, shown.value if shown else gone)
        except Overlap:
            raise
        except LitmusGitopsError as error:
            self._records.keep(was.value, was.value.problem or str(error), was.value.git)
            raise

    def abandon(self, was: Versioned[Edit], author: str | None) -> None:
        """Settle a conflict in favour of what git holds."""
        by = f" by {author}" if author else ""
        self._records.abandon(was, f"conflict {was.value.id} is settled{by}: {was.value.path} stays as git has it")

    def send_edit(self, message: Message) -> None:
        """Bring a pending edit into git, after those of its project that are older (message `sync/edit`)."""
        project, name = message.ids["project"], message.ids["edit"]
        found = EDITS.load(self.store, project, name)
        settings = PROJECTS.load(self.store, project)
        if found is None or settings is None or not (gitops := settings.value.gitops) or not gitops.enabled:
            return
        self._sending.work_off(gitops, project, name)

    def _gitops(self, project: str) -> GitOps:
        found = PROJECTS.load(self.store, project)
        gitops = found and found.value.gitops
        if not gitops or not gitops.enabled:
            raise Conflict(f"GitOps is off for project {project!r}: there is no git to save to")
        return gitops

    def _shown(self, project: str, experiment: str) -> Experiment:
        found = EXPERIMENTS.load(self.store, project, experiment)
        if found is None:
            raise NotFound(f"no experiment {experiment!r} in project {project!r}")
        return found.value

    def _new(self, project: str, gitops: GitOps, wanted: str | None, manifest: Manifest, text: bytes) -> Edit:
        if wanted is not None and manifest.workflow_id != wanted:
            raise NotFound(f"no experiment {wanted!r}: to make it, give the manifest the label workflow_id: {wanted}")
        taken = self._taken(project)
        paths = {experiment: path for path, experiment in taken.items()}
        if manifest.workflow_id in paths:
            raise Conflict(f"workflow_id {manifest.workflow_id!r} belongs to {paths[manifest.workflow_id]}")
        path = path_for(gitops.path, manifest.name, taken)
        experiment = manifest.workflow_id or mint(project, path, blob_id(text), paths)
        return self._edit(project, experiment, path, text, None)

    def _gone(  # noqa: PLR0913, PLR0917 - what an edit is made of
        self, project: str, gitops: GitOps, experiment: str, manifest: Manifest, text: bytes, base: str
    ) -> Edit:
        """Return the edit of what its author saw and git has removed since: it goes no further than a conflict."""
        if not self._kept(project, base):
            raise Conflict(
                f"experiment {experiment[:80]!r} is no longer there: save it without If-Match to make it anew"
            )
        check_label(manifest, experiment)
        path = path_for(gitops.path, manifest.name, self._taken(project))
        return self._edit(project, experiment, path, text, base)

    def _taken(self, project: str) -> dict[str, str]:
        """Return path → experiment of all files that git has or will have."""
        shown = {row.value.path: row.value.id for row in listed(self.store, EXPERIMENTS, project)}
        return shown | {edit.path: edit.experiment for edit in open_edits(self.store, project)}

    def _of(self, project: str, was: Experiment, text: bytes | None, base: str | None) -> Edit:
        """Return the edit of an experiment as its author saw it: by `base`, else as its newest edit left it."""
        waiting = [edit for edit in self._waiting(project) if edit.experiment == was.id]
        if waiting and waiting[-1].state == "offered":
            return self._edit(project, was.id, waiting[-1].path, text, None)
        seen = _blob(waiting[-1].text) if waiting else was.blob
        if base not in {None, seen} and not self._kept(project, base or ""):
            raise Conflict(f"If-Match names a version of {was.path} that is not known here: read it anew")
        return self._edit(project, was.id, waiting[-1].path if waiting else was.path, text, base or seen)

    def _kept(self, project: str, blob: str) -> bool:
        """Whether an older text is still known here, which is written anew, since it is referred to from now on."""
        found = BLOBS.load(self.store, project, blob)
        if found is not None:
            self.store.commit([BLOBS.put(found.value, project, blob)])
        return found is not None

    def _edit(self, project: str, experiment: str, path: str, text: bytes | None, base: str | None) -> Edit:
        return Edit(self.ids(), project, experiment, path, text, base, "", stamp(self.clock))

    def _waiting(self, project: str) -> list[Edit]:
        return [edit for edit in open_edits(self.store, project) if edit.state != "conflict"]

    def _text(self, project: str, edit: Edit) -> bytes:
        found = BLOBS.load(self.store, project, edit.base) if edit.base else None
        if found is None:
            raise Conflict(f"the text of {edit.path} is not kept here: rename it in git")
        return found.value

    def _begin(self, gitops: GitOps, edit: Edit, was: Experiment | None) -> Saved:
        self._records.begin(edit)
        try:
            return self._sending.send(gitops, edit, was)
        except Overlap:
            raise
        except LitmusGitopsError as error:
            self._records.drop(edit, str(error))
            raise

    @property
    def _records(self) -> EditRecords:
        return EditRecords(self.store, self.clock, self.ids)

    @property
    def _sending(self) -> Sending:
        return Sending(self.store, self.repositories, self.clock, self.ids)


def manifest_of(text: bytes) -> Manifest:
    """Return what a text says: `Invalid`, with line and column, if that is no experiment."""
    read = read_file("experiment.yaml", text)
    if isinstance(read, Manifest):
        return read
    problem = read if isinstance(read, Problem) else Problem("this is a policy: push it to git, beside the experiments")
    raise Invalid(problem.message, (msgspec.to_builtins(problem),))


def check_label(manifest: Manifest, experiment: str) -> None:
    """Refuse a manifest that claims to be another experiment."""
    if manifest.workflow_id not in {None, "", experiment}:
        message = f"workflow_id {manifest.workflow_id!r} is another experiment's id: this one is {experiment!r}"
        raise Invalid(message, ({"message": message, "line": None, "column": None},))


def _check_path(path: str, folder: str) -> None:
    inside = f"{folder.strip('/')}/".lstrip("/")
    if not path.startswith(inside) or not path.endswith((".yaml", ".yml")):
        message = f"{path[:200]!r} is no place of an experiment: write a path such as {inside}cart.yaml"
        raise Invalid(message, ({"field": "path", "message": message},))


def _blob(text: bytes | None) -> str | None:
    return None if text is None else blob_id(text)
