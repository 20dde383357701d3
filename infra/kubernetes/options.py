"""What the manifests of one cluster depend on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from infra.kubernetes.kinds import DEFAULT, Kind

NAME: Final = "litmus-gitops-subscriber"
"""Of the Deployment, the Service, the account, its roles and the Secret with its key."""

CONFIGURATION: Final = "litmus-gitops"
"""Of the ValidatingWebhookConfiguration."""

TLS: Final = f"{NAME}-tls"
"""Of the Secret with the serving certificate, and of cert-manager's Certificate."""

IMAGE: Final = f"{NAME}:0.1.0"
_METADATA_KEY: Final = re.compile(r"(?:^|[^.\w]|@\.)metadata\b")


class Watched(msgspec.Struct, frozen=True):
    """What the API server is asked to tell of: which kinds, labels and annotations too, autoscalers' scaling too."""

    kinds: tuple[Kind, ...] = DEFAULT
    metadata: bool = False
    autoscalers: bool = False


class Options(msgspec.Struct, frozen=True):
    """One cluster's manifests. `direct` is the admission URL, a secret, where the API server calls the portal itself.

    `authority` is the PEM that the API server trusts at the other end, None where something else provides it; `clients`
    is the one that vouches for the API server's own certificate, where the subscriber is to ask for that.
    """

    cluster: str = "my-cluster"
    portal: str = "https://portal.example.org"
    namespace: str = "litmus-gitops"
    image: str = IMAGE
    watched: Watched = Watched()
    certificate: Literal["own", "cert-manager"] = "own"
    poll: bool = True
    direct: str | None = None
    authority: bytes | None = None
    clients: bytes | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        """Say nothing of the secrets in it."""
        return f"Options({self.cluster!r}, {self.namespace!r})"


def wanted(kinds: Iterable[Kind], policies: Iterable[Mapping[str, Any]], *, metadata: bool, scaling: bool) -> Watched:
    """Return what to watch: the default kinds and more, and whatever else one of the project's policies asks for."""
    rows = list(policies)
    keys = [condition["key"] for row in rows for condition in row["conditions"]]
    every = {kind.resource: kind for kind in (*DEFAULT, *kinds)}
    return Watched(
        kinds=tuple(every.values()),
        metadata=metadata or any(_METADATA_KEY.search(key) for key in keys),
        autoscalers=scaling or any(row["autoscalers"] for row in rows),
    )
