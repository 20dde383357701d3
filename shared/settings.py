"""Every setting of every function: one frozen dataclass each, and the only code that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from shared.environment import Environment, count, file, flag, key, needed, proxies, seconds, secret, words
from shared.model.proxies import Proxies

WATCHED_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
"""Whose changes count where nothing else is said."""

RETENTION_DAYS = 400
"""For how long the ledger is kept: a year's experiments can be compared with the year's before."""

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class State:
    """Where state and keys are. `DATA_DIR` holds the database, `keys/master` and, unless set, `secrets/`.

    `retention` is how many seconds the ledger and its like are kept.
    """

    data_dir: Path
    store_url: str = field(repr=False)
    secrets_dir: Path
    master_key: bytes = field(repr=False)
    retention: float = RETENTION_DAYS * DAY

    @property
    def store(self) -> tuple[str, float]:
        """What opens the store: its URL, and how many seconds a record stays there that ages."""
        return self.store_url, self.retention

    @classmethod
    def read(cls, env: Environment = os.environ) -> State:
        """Read DATA_DIR, STORE_URL, SECRETS_DIR, MASTER_KEY_FILE or MASTER_KEY, and RETENTION_DAYS."""
        data = Path(env.get("DATA_DIR") or ".data")
        return cls(
            data_dir=data,
            store_url=env.get("STORE_URL") or f"sqlite:{data / 'litmus-gitops.db'}",
            secrets_dir=Path(env.get("SECRETS_DIR") or data / "secrets"),
            master_key=key(env, data / "keys" / "master"),
            retention=count(env, "RETENTION_DAYS", RETENTION_DAYS) * DAY,
        )


@dataclass(frozen=True, slots=True)
class GitPush:
    """Settings of `git_push`."""

    state: State

    @classmethod
    def read(cls, env: Environment = os.environ) -> GitPush:
        """Read the state's settings."""
        return cls(State.read(env))


@dataclass(frozen=True, slots=True)
class Reaching:
    """Settings of functions that reach git hosts; `allow_local` accepts `file://`, loopback and private addresses."""

    state: State
    allow_local: bool
    proxies: Proxies

    @classmethod
    def read(cls, env: Environment = os.environ) -> Self:
        """Read the state's settings, ALLOW_LOCAL, and HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""
        return cls(State.read(env), flag(env, "ALLOW_LOCAL", default=False), proxies(env))


@dataclass(frozen=True, slots=True)
class Dispatch(Reaching):
    """Settings of `dispatch`, whose subscribers may be local as well; no proxy leads to them.

    `bounds` are how many orders one process sends at a time, and how many of them to one cluster.
    """

    bounds: tuple[int, int] = (32, 2)

    @classmethod
    def read(cls, env: Environment = os.environ) -> Self:
        """Read also FAN_OUT and FAN_OUT_PER_CLUSTER."""
        bounds = count(env, "FAN_OUT", 32), count(env, "FAN_OUT_PER_CLUSTER", 2)
        return cls(State.read(env), flag(env, "ALLOW_LOCAL", default=False), proxies(env), bounds)


@dataclass(frozen=True, slots=True)
class Reachable(Reaching):
    """Settings of functions that tell others where we are: `public_url`, without a slash at its end."""

    public_url: str

    @classmethod
    def read(cls, env: Environment = os.environ) -> Self:
        """Read also PUBLIC_URL."""
        return cls(State.read(env), flag(env, "ALLOW_LOCAL", default=False), proxies(env), _public_url(env))


class Sync(Reachable):
    """Settings of `sync`: statuses on commits lead to us."""


class Reconcile(Reachable):
    """Settings of `reconcile`: our webhooks are known by our address."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Settings of `announce`, whose sinks may be local where `allow_local`; events come from `public_url`."""

    state: State
    allow_local: bool
    public_url: str

    @classmethod
    def read(cls, env: Environment = os.environ) -> Announce:
        """Read the state's settings, ALLOW_LOCAL and PUBLIC_URL."""
        return cls(State.read(env), flag(env, "ALLOW_LOCAL", default=False), _public_url(env))


@dataclass(frozen=True, slots=True)
class Portal(Reachable):
    """Settings of `portal`. `public_url` is where clusters and git hosts reach us; no slash at its end.

    `chaoscenter_url` is the GraphQL endpoint to which goes what a stock subscriber says to us.
    """

    admin_token: str = field(repr=False)
    chaoscenter_url: str | None = None

    @classmethod
    def read(cls, env: Environment = os.environ) -> Self:
        """Read also ADMIN_TOKEN (else `DATA_DIR/admin-token`), PUBLIC_URL and CHAOSCENTER_URL."""
        state = State.read(env)
        return cls(
            state=state,
            allow_local=flag(env, "ALLOW_LOCAL", default=False),
            proxies=proxies(env),
            admin_token=env.get("ADMIN_TOKEN") or file(state.data_dir / "admin-token", "ADMIN_TOKEN"),
            public_url=_public_url(env),
            chaoscenter_url=env.get("CHAOSCENTER_URL") or None,
        )


@dataclass(frozen=True, slots=True)
class Watching:
    """Settings of `workload_admission`, `workload_audit` and `run_report`. `kinds` are the watched kinds."""

    state: State
    kinds: tuple[str, ...]

    @classmethod
    def read(cls, env: Environment = os.environ) -> Watching:
        """Read the state's settings and WATCHED_KINDS (comma separated)."""
        return cls(State.read(env), words(env, "WATCHED_KINDS") or WATCHED_KINDS)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Settings of `subscriber`, which runs in the cluster and holds no state but ConfigMaps there.

    Durations are in seconds. `secret` is the `whsec_…` value that registering the cluster showed once; while it is
    being rotated, the old one stands behind it, after a space. What is `allowed` are globs, and nothing given allows
    all. `checks` are the preflight checks that keep a run from starting.
    """

    cluster: str
    portal_url: str
    secret: str = field(repr=False)
    namespace: str
    poll: bool
    heartbeat: float
    kubeconfig: str | None
    look: float = 10.0
    lookout: float = 60.0
    kinds: tuple[str, ...] = WATCHED_KINDS
    chaos_namespace: str = "litmus"
    allowed_kinds: tuple[str, ...] = ()
    allowed_namespaces: tuple[str, ...] = ()
    allowed_service_accounts: tuple[str, ...] = ()
    allowed_images: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    run_seconds: float = 3_600.0
    exit_image: str = ""

    @classmethod
    def read(cls, env: Environment = os.environ) -> Subscriber:
        """Read CLUSTER_ID, PORTAL_URL, SUBSCRIBER_SECRET_FILE or SUBSCRIBER_SECRET, and what has defaults.

        RESOURCES says where more kinds of workloads are found, as in `Rollout=argoproj.io/v1alpha1/rollouts`.
        """
        return cls(
            cluster=needed(env, "CLUSTER_ID"),
            portal_url=needed(env, "PORTAL_URL").rstrip("/"),
            secret=secret(env, "SUBSCRIBER_SECRET"),
            namespace=env.get("SUBSCRIBER_NAMESPACE") or "litmus-gitops",
            poll=flag(env, "POLL", default=True),
            heartbeat=seconds(env, "HEARTBEAT_SECONDS", 15.0),
            kubeconfig=env.get("KUBECONFIG") or None,
            look=seconds(env, "LOOK_SECONDS", 10.0),
            lookout=seconds(env, "LOOKOUT_SECONDS", 60.0),
            kinds=words(env, "WATCHED_KINDS") or WATCHED_KINDS,
            chaos_namespace=env.get("CHAOS_NAMESPACE") or "litmus",
            allowed_kinds=words(env, "ALLOWED_KINDS"),
            allowed_namespaces=words(env, "ALLOWED_NAMESPACES"),
            allowed_service_accounts=words(env, "ALLOWED_SERVICE_ACCOUNTS"),
            allowed_images=words(env, "ALLOWED_IMAGES"),
            checks=words(env, "PREFLIGHT", "crds,operator,controller,service-accounts,experiments,nodes"),
            resources=words(env, "RESOURCES"),
            run_seconds=seconds(env, "RUN_SECONDS", 3_600.0),
            exit_image=env.get("EXIT_IMAGE") or "litmuschaos/k8s:2.11.0",
        )


def _public_url(env: Environment) -> str:
    return (env.get("PUBLIC_URL") or "http://127.0.0.1:8080").rstrip("/")
