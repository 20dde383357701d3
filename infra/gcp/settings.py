"""The settings of the entry on Google Cloud."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

from shared.environment import Environment, needed, seconds


@dataclass(frozen=True, slots=True)
class EntrySettings:
    """Whose tokens count: `audience` is what they are made out to, the accounts are those that push and that tick.

    `delivery` is how many seconds a function may work on a message.
    """

    audience: str
    pubsub_account: str
    scheduler_account: str
    delivery: float = 120.0

    @classmethod
    def read(cls, env: Environment = os.environ) -> Self:
        """Read OIDC_AUDIENCE, PUBSUB_ACCOUNT, SCHEDULER_ACCOUNT and DELIVERY_SECONDS."""
        return cls(
            audience=needed(env, "OIDC_AUDIENCE"),
            pubsub_account=needed(env, "PUBSUB_ACCOUNT"),
            scheduler_account=needed(env, "SCHEDULER_ACCOUNT"),
            delivery=seconds(env, "DELIVERY_SECONDS", 120.0),
        )
