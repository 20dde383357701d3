"""What the API reads: request bodies as pydantic models, strict about names and types, and bounded."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from shared.model.projects import Mode, Provider, RunOnPush, SinkKind, WriteBack
from shared.services.api.fields import (
    Address,
    Branch,
    ClusterId,
    Duration,
    Folder,
    Glob,
    Label,
    ManifestPath,
    Name,
    PositiveDuration,
    Reference,
    Slug,
    Text,
    unnamed,
)
from shared.services.conflicts import Take
from shared.wire.yaml import MAX_BYTES


class Body(BaseModel):
    """A JSON object in which an unknown name is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NewProject(Body):
    """A project to create; its id is part of paths in git and in URLs."""

    id: Slug
    name: Name


class GitOpsBody(Body):
    """A project's repository and what a change of it does; `path` defaults to `litmus/<project>`."""

    enabled: bool = True
    provider: Provider = "git"
    repo_url: Address
    branch: Branch = "main"
    path: Folder | None = None
    credential: Reference | None = None
    webhook_secrets: Annotated[list[Reference], Field(max_length=10)] = []
    write_back: WriteBack = "commit"
    run_on_push: RunOnPush = "never"
    default_policy: bool = True
    mode: Mode = "observe"
    api_url: Address | None = None
    ca_bundle: Reference | None = None
    signed_commits: bool = False
    infra_ids: Annotated[dict[Label, ClusterId], Field(max_length=1000)] = {}


class RenameBody(Body):
    """The path that a file is to have, as it stands in the repository."""

    path: ManifestPath


class SettleBody(Body):
    """Which side of a conflict to take; a `merged` one is the `text` that is sent, the whole file."""

    take: Take
    text: Annotated[str, StringConstraints(max_length=MAX_BYTES)] | None = None


class ChaosCenterBody(Body):
    """A ChaosCenter: its GraphQL endpoint, its ids of project and infrastructure, a reference to a bearer token."""

    url: Address
    project_id: Glob
    infra_id: Glob
    credential: Reference


class NewCluster(Body):
    """A cluster to register, with a subscriber or a ChaosCenter; without either address its subscriber polls."""

    id: ClusterId
    name: Name
    labels: Annotated[dict[Label, Label], Field(max_length=64)] = {}
    subscriber_url: Address | None = None
    chaoscenter: ChaosCenterBody | None = None


class MaxRunsBody(Body):
    """How many runs may be open at a time."""

    cluster: Annotated[int, Field(ge=1, le=1000)] = unnamed()
    namespace: Annotated[int, Field(ge=1, le=1000)] = unnamed()


class StormBody(Body):
    """How many triggers within which time hold all of them for a person."""

    triggers: Annotated[int, Field(ge=1, le=10_000)] = unnamed()
    within: PositiveDuration = unnamed()


class WindowBody(Body):
    """When chaos may start: for `duration` after each occurrence of `cron` in `time_zone`."""

    cron: Glob
    duration: PositiveDuration
    time_zone: Glob = "UTC"


class StopConditionBody(Body):
    """What must not be so while chaos runs, as a Prometheus (`promql`, `when`) or an Alertmanager (`alert`) says it."""

    name: Name
    url: Address
    promql: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = None
    alert: Name | None = None
    when: Annotated[str, StringConstraints(max_length=60)] | None = None
    credential: Reference | None = None
    ca_bundle: Reference | None = None
    clusters: Annotated[list[Glob], Field(max_length=100)] = []


class SafetyBody(Body):
    """Rules to replace; what is not named stays as it is, and only `storm` may be null, which turns it off."""

    cooldown: Duration = unnamed()
    max_runs: MaxRunsBody = unnamed()
    storm: StormBody | None = unnamed()
    expiry: PositiveDuration = unnamed()
    windows: Annotated[list[WindowBody], Field(max_length=100)] = unnamed()
    allowed_namespaces: Annotated[list[Glob], Field(max_length=1000)] = unnamed()
    allowed_faults: Annotated[list[Glob], Field(max_length=1000)] = unnamed()
    ignore_rollbacks: bool = unnamed()
    ignore_zero: bool = unnamed()
    stop_conditions: Annotated[list[StopConditionBody], Field(max_length=10)] = unnamed()
    approval_namespaces: Annotated[list[Glob], Field(max_length=1000)] = unnamed()


class SinkBody(Body):
    """Who is told of which events, and how; a webhook is always signed."""

    name: Slug
    url: Address
    events: Annotated[list[Glob], Field(min_length=1, max_length=50)]
    kind: SinkKind = "cloudevents"
    secret: Reference | None = None


class SinksBody(RootModel[Annotated[list[SinkBody], Field(max_length=20)]]):
    """All sinks of a project."""


class FreezeBody(Body):
    """Why nothing may start."""

    reason: Text = ""


class NewRun(Body):
    """The clusters to run on; none means the experiment's own."""

    clusters: Annotated[list[ClusterId], Field(max_length=100)] = []


class ScheduleBody(Body):
    """Whether the schedule may be installed, and why."""

    accept: bool
    reason: Text = ""


class ApprovalBody(Body):
    """Why a run may go, or not."""

    reason: Text = ""


class ExportBody(Body):
    """What to export, or to drop, of what only the portal has: experiments by id, policies by path, all if unnamed."""

    experiments: Annotated[list[Label], Field(max_length=10_000)] | None = None
    policies: Annotated[list[Folder], Field(max_length=10_000)] | None = None
    drop: bool = False


class ReleaseBody(Body):
    """What to do with held orders: let them go, or drop them."""

    drop: bool = False


class SimulationBody(Body):
    """A policy to try, as the file's text or as an object, on the changes that are not older than `since`."""

    policy: Annotated[str, Field(max_length=1 << 18)] | dict[str, Any]
    since: Annotated[str, Field(max_length=40)] | None = None


class ReplayBody(Body):
    """Whether only to say what would be done."""

    dry_run: bool = False


class RotateBody(Body):
    """The webhook secret to use from now on."""

    secret: Reference


class RotationBody(Body):
    """For how long a cluster's former secrets count beside the new ones; `0s` ends them at once."""

    grace: Duration = "24h"


class RetireBody(Body):
    """The webhook secret to end; none named means those that rotation left."""

    secret: Reference | None = None
