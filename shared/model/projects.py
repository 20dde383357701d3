"""Projects: tenants with their own folder in git, clusters, and rules of safety."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Provider = Literal["github", "gitlab", "git"]
WriteBack = Literal["commit", "pull_request"]
RunOnPush = Literal["never", "new", "changed"]
Mode = Literal["observe", "enforce"]
SinkKind = Literal["cloudevents", "webhook"]

RUN_ON_PUSH: Final = "litmuschaos.io/run-on-push"
"""Annotation of an experiment: overrides the project's `run_on_push`."""


class GitOps(msgspec.Struct, frozen=True):
    """Where a project's experiments live and what a change of them does; secrets are references.

    `api_url` is the base of the host's API where it does not follow from `repo_url`, `ca_bundle` refers to the PEM
    certificates of a private CA. `signed_commits` has GitHub make and sign our commits. `infra_ids` says which cluster
    a foreign `infra_id` means, for a repository that comes from another Litmus.
    """

    repo_url: str
    path: str
    enabled: bool = True
    provider: Provider = "git"
    branch: str = "main"
    credential: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    write_back: WriteBack = "commit"
    run_on_push: RunOnPush = "never"
    default_policy: bool = True
    mode: Mode = "observe"
    api_url: str | None = None
    ca_bundle: str | None = None
    signed_commits: bool = False
    infra_ids: dict[str, str] = {}


class MaxRuns(msgspec.Struct, frozen=True):
    """How many runs may be open at a time."""

    cluster: int = 2
    namespace: int = 1


class Storm(msgspec.Struct, frozen=True):
    """More than `triggers` within `within` (a duration such as `5m`) holds all of them for a person."""

    triggers: int = 10
    within: str = "5m"


class Window(msgspec.Struct, frozen=True):
    """Chaos may start only within `duration` after each occurrence of `cron` in the IANA `time_zone`."""

    cron: str
    duration: str
    time_zone: str = "UTC"


class StopCondition(msgspec.Struct, frozen=True):
    """What must not be so while chaos runs: a value that a PromQL expression has, or an alert that fires.

    `url` is the base address of a Prometheus (for `promql`) or an Alertmanager (for `alert`); secrets are references.
    `when` compares each value, as in `> 0.05`; without it any result is a breach. `clusters` are globs, none means all.
    """

    name: str
    url: str
    promql: str | None = None
    alert: str | None = None
    when: str | None = None
    credential: str | None = None
    ca_bundle: str | None = None
    clusters: tuple[str, ...] = ()


class Safety(msgspec.Struct, frozen=True):
    """What may start, per project; durations are strings such as `30m`."""

    cooldown: str = "30m"
    max_runs: MaxRuns = MaxRuns()
    storm: Storm | None = Storm()
    expiry: str = "1h"
    windows: tuple[Window, ...] = ()
    allowed_namespaces: tuple[str, ...] = ()
    allowed_faults: tuple[str, ...] = ()
    ignore_rollbacks: bool = True
    ignore_zero: bool = True
    stop_conditions: tuple[StopCondition, ...] = ()
    approval_namespaces: tuple[str, ...] = ()


class Freeze(msgspec.Struct, frozen=True):
    """Nothing starts while it stands; `by` and `at` (RFC 3339 UTC) say who set it and when."""

    reason: str = ""
    by: str = "owner"
    at: str = ""


class Sink(msgspec.Struct, frozen=True):
    """Who is told of events: `events` are globs of names such as `run.completed`; secrets are references.

    `url` may be a reference too, for an address that is itself a secret.
    """

    name: str
    url: str
    events: tuple[str, ...]
    kind: SinkKind = "cloudevents"
    secret: str | None = None


class Project(msgspec.Struct, frozen=True):
    """A tenant. `gitops` is None until someone turned it on once."""

    id: str
    name: str
    created_at: str
    gitops: GitOps | None = None
    safety: Safety = Safety()
    freeze: Freeze | None = None
    sinks: tuple[Sink, ...] = ()


class ChaosCenter(msgspec.Struct, frozen=True):
    """A ChaosCenter that carries out a cluster's orders: its GraphQL endpoint, its project and its infrastructure.

    `credential` refers to a bearer token.
    """

    url: str
    project_id: str
    infra_id: str
    credential: str


class Former(msgspec.Struct, frozen=True):
    """Secrets that rotation replaced: those of `version` count until `until` (RFC 3339 UTC)."""

    version: int
    until: str


class FormerUse(msgspec.Struct, frozen=True):
    """When secrets that rotation replaced were last used for a purpose (RFC 3339 UTC), and of which version."""

    version: int
    at: str


class Cluster(msgspec.Struct, frozen=True):
    """A target chaos infrastructure; `version` numbers the secrets derived for it.

    `former` are the versions before whose grace may last, newest first (`rules.rotation` says which count);
    `registration` is the version that it was registered with, 0 where that is its version still.
    It is reached at `subscriber_url`, or through `chaoscenter`; without either its subscriber polls.
    """

    id: str
    project: str
    name: str
    created_at: str
    labels: dict[str, str] = {}
    subscriber_url: str | None = None
    version: int = 1
    freeze: Freeze | None = None
    chaoscenter: ChaosCenter | None = None
    former: tuple[Former, ...] = ()
    registration: int = 0

    @property
    def registered_as(self) -> int:
        """The version that tells it from others that had the same id before: rotation leaves it."""
        return self.registration or self.version


class Presence(msgspec.Struct, frozen=True):
    """When a cluster's subscriber was last heard, kept apart so that heartbeats touch nothing else.

    `listed` has for each kind when a heartbeat last listed all of its watched workloads (RFC 3339 UTC). By `ahead`
    seconds its clock was ahead of ours then.
    """

    cluster: str
    last_seen: str
    listed: dict[str, str] = {}
    ahead: float = 0.0
