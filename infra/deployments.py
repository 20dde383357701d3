"""Where the functions run, and what that takes: which optional parts of `shared` a bundle has, and which entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.errors import Misconfigured

ROOT: Final = Path(__file__).parents[1]

OPTIONAL: Final = (
    "shared.clients.sqlite",
    "shared.clients.dynamodb",
    "shared.clients.postgresql",
    "shared.clients.pubsub",
    "shared.clients.aws_secrets",
    "shared.clients.google_secrets",
)
"""Modules and packages that functions import only where a setting or a reference chooses them."""

IN_CLUSTER: Final = frozenset({"subscriber"})
"""Functions that run beside the workloads they watch, on Kubernetes alone."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A platform with its engine.

    `parts` are those of `OPTIONAL` that go into a bundle, `entries` the platform's files that are laid beside
    `main.py`, from the top of the repository. `hosts_subscriber` is whether functions of clusters run there.
    """

    name: str
    parts: frozenset[str]
    entries: tuple[str, ...] = ()
    hosts_subscriber: bool = False

    def has(self, module: str) -> bool:
        """Whether a module goes into a bundle, once it is reached."""
        part = next((part for part in OPTIONAL if f"{module}.".startswith(f"{part}.")), None)
        return part is None or part in self.parts

    @property
    def files(self) -> tuple[Path, ...]:
        """The entries where they are."""
        return tuple(ROOT / entry for entry in self.entries)


def _parts(*names: str) -> frozenset[str]:
    return frozenset(f"shared.clients.{name}" for name in names)


LOCAL: Final = Deployment("local", _parts("sqlite"), hosts_subscriber=True)
"""functions-framework alone, with a data folder; the functions' committed requirements are those of this one."""

AWS: Final = Deployment("aws", _parts("dynamodb", "aws_secrets"), ("infra/aws/lambda_entry.py",))
"""Lambda, with DynamoDB, SQS and Secrets Manager."""

GCP: Final = Deployment("gcp", _parts("postgresql", "pubsub", "google_secrets"), ("infra/gcp/gcp_entry.py",))
"""Cloud Run functions, with Cloud SQL, Pub/Sub and Secret Manager."""

KUBERNETES: Final = Deployment(
    "kubernetes", _parts("postgresql"), ("infra/kubernetes/serving.py",), hosts_subscriber=True
)
"""gunicorn in pods, with PostgreSQL."""

DEPLOYMENTS: Final[Mapping[str, Deployment]] = {one.name: one for one in (LOCAL, AWS, GCP, KUBERNETES)}


def find(name: str) -> Deployment:
    """Return a deployment by its name: `Misconfigured` names those that there are."""
    if name not in DEPLOYMENTS:
        raise Misconfigured(f"there is no deployment {name!r}: there are {', '.join(DEPLOYMENTS)}")
    return DEPLOYMENTS[name]
