"""The settings of the local engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from shared.errors import Misconfigured

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How one process serves every function.

    `port` 0 takes a free one. `threads` answer requests, `couriers` deliver messages at a time. `delivery` is how many
    seconds a function may work on a message, `reconcile` how many pass between two looks at everything that can lag,
    `grace` how many a stopped engine leaves to what is running.
    Without a `store_url` state is in the data folder.
    Without a `log_level`, a person at a terminal sees warnings, and a file gets each request.
    """

    data_dir: Path
    port: int = 8080
    admin_token: str | None = field(default=None, repr=False)
    store_url: str | None = field(default=None, repr=False)
    public_url: str | None = None
    functions: Path = ROOT / "functions"
    threads: int = 32
    couriers: int = 16
    delivery: float = 120.0
    reconcile: float = 30.0
    grace: float = 10.0
    log_level: str | None = None

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read each setting from the variable of its name: DATA_DIR, PORT, …, DELIVERY_SECONDS, RECONCILE_SECONDS."""
        return cls(
            data_dir=Path(env.get("DATA_DIR", ".data")),
            port=int(_number(env, "PORT", 8080, most=65535)),
            admin_token=env.get("ADMIN_TOKEN") or None,
            store_url=env.get("STORE_URL") or None,
            public_url=env.get("PUBLIC_URL") or None,
            functions=Path(env.get("FUNCTIONS_DIR") or ROOT / "functions"),
            threads=int(_number(env, "THREADS", 32, least=4)),
            couriers=int(_number(env, "COURIERS", 16, least=2)),
            delivery=_number(env, "DELIVERY_SECONDS", 120.0, least=1),
            reconcile=_number(env, "RECONCILE_SECONDS", 30.0, least=0.1),
            grace=_number(env, "GRACE_SECONDS", 10.0),
            log_level=_level(env.get("LOG_LEVEL") or None),
        )


def _number(env: Mapping[str, str], name: str, default: float, *, least: float = 0, most: float = 86_400) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not least <= value <= most:
        raise Misconfigured(f"{name}={text!r} is no number from {least:g} to {most:g}")
    return value


def _level(name: str | None) -> str | None:
    if name is not None and name.upper() not in _LEVELS:
        raise Misconfigured(f"LOG_LEVEL={name!r} is no level: use debug, info, warning or error")
    return name and name.upper()
