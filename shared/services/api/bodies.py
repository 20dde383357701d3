"""What the API reads: request bodies as pydantic models, strict about names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.errors import LitmusGitopsError
from shared.model.projects import Mode, Provider, RunOnPush, WriteBack
from shared.model.references import Reference as SecretReference
from shared.rules.durations import seconds


def _checked(text: str, check: Any) -> str:
    try:
        check(text)
    except LitmusGitopsError as error:
        raise ValueError(str(error)) from error
    return text


def _duration(text: str) -> str:
    return _checked(text, seconds)


def _reference(text: str) -> str:
    return _checked(text, SecretReference.parse)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
ClusterId = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Duration = Annotated[str, AfterValidator(_duration)]
Reference = Annotated[str, AfterValidator(_reference)]


class Body(BaseModel):
    """A JSON object in which an unknown name is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewProject(Body):
    """A project to create; its id is part of paths in git and in URLs."""

    id: Slug
    name: Name


class GitOpsBody(Body):
    """A project's repository and what a change of it does; `path` defaults to `litmus/<project>`."""

    enabled: bool = True
    provider: Provider = "git"
    repo_url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    branch: Annotated[str, StringConstraints(min_length=1, max_length=250)] = "main"
    path: Annotated[str, StringConstraints(max_length=500)] | None = None
    credential: Reference | None = None
    webhook_secrets: Annotated[list[Reference], Field(max_length=10)] = []
    write_back: WriteBack = "commit"
    run_on_push: RunOnPush = "never"
    default_policy: bool = True
    mode: Mode = "observe"


class NewCluster(Body):
    """A cluster to register; without `subscriber_url` its subscriber polls."""

    id: ClusterId
    name: Name
    labels: dict[str, str] = {}
    subscriber_url: str | None = None


class MaxRunsBody(Body):
    """How many runs may be open at a time."""

    cluster: Annotated[int, Field(ge=1, le=1000)] = 2
    namespace: Annotated[int, Field(ge=1, le=1000)] = 1


class StormBody(Body):
    """How many triggers within which time hold all of them for a person."""

    triggers: Annotated[int, Field(ge=1, le=10_000)] = 10
    within: Duration = "5m"


class WindowBody(Body):
    """When chaos may start: for `duration` after each occurrence of `cron` in `time_zone`."""

    cron: str
    duration: Duration
    time_zone: str = "UTC"


class SafetyBody(Body):
    """Rules to replace; what is not named stays as it is."""

    cooldown: Duration | None = None
    max_runs: MaxRunsBody | None = None
    storm: StormBody | None = None
    expiry: Duration | None = None
    windows: list[WindowBody] | None = None
    allowed_namespaces: list[str] | None = None
    allowed_faults: list[str] | None = None
    ignore_rollbacks: bool | None = None
    ignore_zero: bool | None = None


class FreezeBody(Body):
    """Why nothing may start."""

    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class NewRun(Body):
    """The clusters to run on; none means the experiment's own."""

    clusters: list[ClusterId] = []


class ReleaseBody(Body):
    """What to do with held orders: let them go, or drop them."""

    drop: bool = False


class ReplayBody(Body):
    """Whether only to say what would be done."""

    dry_run: bool = False
