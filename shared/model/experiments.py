"""Experiments: one manifest a file in git, and how the portal stands to it."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["Workflow", "CronWorkflow", "ChaosEngine", "ChaosSchedule"]
State = Literal["synced", "pending", "invalid", "conflict"]
Schedule = Literal["waiting", "installed", "suspended"]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a file, and where; `line` and `column` count from 1."""

    message: str
    line: int | None = None
    column: int | None = None


class Fault(msgspec.Struct, frozen=True):
    """One fault that an experiment injects: the ChaosExperiment's name, its target, weight and probes.

    `others` are further namespaces, where the engine's selectors name several targets. `lines` says on which line of
    the file its `name`, `namespace` and `probes` stand, counted from 1.
    """

    name: str
    namespace: str | None = None
    kind: str | None = None
    label: str | None = None
    service_account: str | None = None
    weight: int = 10
    probes: tuple[str, ...] = ()
    unresolved_probes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    lines: dict[str, int] = {}

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace that the fault names."""
        return (*((self.namespace,) if self.namespace else ()), *self.others)


class Manifest(msgspec.Struct, frozen=True):
    """What a valid manifest says: identity, targets and its own rules, read from one file in git.

    `schedules` are a CronWorkflow's cron expressions, each with `TZ=<zone>` before it where it has a time zone, and
    the one way of a ChaosSchedule: `now`, `once` or `repeat`. `lines` maps `workflow_id`, `infra_id` and each
    annotation to the line where it stands, counted from 1.
    """

    kind: Kind
    name: str
    namespace: str | None = None
    workflow_id: str | None = None
    infra_id: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Problem, ...] = ()
    schedules: tuple[str, ...] = ()
    lines: dict[str, int] = {}


class Experiment(msgspec.Struct, frozen=True):
    """One file under the project's folder. `blob` is its git blob id; `commit` the head that first held it.

    An `invalid` one keeps the id that its path had, so that a mended file is the same experiment. `pull` is the number
    of the pull request that a `pending` one waits for. `schedule_reason` says why `schedule` is what it is, where there
    is anything to say, and `schedule_failed` that a cluster did not do what it was ordered.
    """

    id: str
    path: str
    blob: str
    commit: str
    state: State
    updated_at: str
    kind: str = ""
    name: str = ""
    problem: Problem | None = None
    schedule: Schedule | None = None
    manifest: Manifest | None = None
    pull: int | None = None
    schedule_reason: str | None = None
    schedule_failed: bool = False


class SyncState(msgspec.Struct, frozen=True):
    """How far a project's portal has followed git.

    `dirty` counts the hints received, `clean` how many of them the last finished sync had seen;
    `tree` is the id of the project folder's tree at `commit`, so that an unmoved folder costs one request;
    `touched` says that a portal edit wrote experiments since, so that even then they are compared; `moved` is the
    address that the host answered under last, where that is not the project's `repo_url`. While a sync is due,
    `traceparent` is the trace context of the last hint that bore one, and `hinted_at` (RFC 3339 UTC) when the first
    delivery came; of those that come during a sync, when that ended.
    """

    dirty: int = 0
    clean: int = 0
    commit: str | None = None
    tree: str | None = None
    head: str | None = None
    at: str | None = None
    problem: str | None = None
    invalid: int = 0
    touched: bool = False
    moved: str | None = None
    traceparent: str = ""
    hinted_at: str = ""


class Edit(msgspec.Struct, frozen=True):
    """A portal edit on its way into git. `text` None deletes; `base` is the blob that the editor saw.

    `moves` is the path that the file leaves for `path`. A `conflict` keeps what git held in `git` (a blob, None where
    the file was gone), so that base, git and portal can be laid side by side. A `proposed` one is `commit` on `branch`,
    on top of `onto`, and waits there for pull request `pull`. An `offered` one is the text of an experiment, or of a
    policy (`experiment` is then empty), that the followed place lacks, until a person exports or drops it.
    `traceparent` is the trace context of the call that made it, empty where that bore none.
    """

    id: str
    project: str
    experiment: str
    path: str
    text: bytes | None
    base: str | None
    author: str
    at: str
    state: Literal["pending", "proposed", "conflict", "offered"] = "pending"
    commit: str | None = None
    problem: str | None = None
    moves: str | None = None
    git: str | None = None
    branch: str | None = None
    pull: int | None = None
    onto: str | None = None
    traceparent: str = ""


class Draft(msgspec.Struct, frozen=True):
    """A commit to be made: path → new content (None deletes); `author` is `Name <mail>`, `at` RFC 3339 UTC."""

    changes: dict[str, bytes | None]
    message: str
    author: str
    at: str
