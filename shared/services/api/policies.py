"""Policies as the last sync found them, broken ones included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.model.calls import Answer, Call
from shared.model.policies import Policy, PolicyBook
from shared.services.api.desk import Desk
from shared.services.api.operations import Operation
from shared.services.api.paging import QUERY, after_of, limit_of, page
from shared.services.tables import POLICIES


@dataclass(frozen=True, slots=True)
class Policies:
    """`EventTrackerPolicy` objects of a project."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        return [Operation("GET", "/projects/{project}/policies", "List policies", self.browse, query=QUERY)]

    def browse(self, call: Call) -> Answer:
        """List policies by path: `state` is `active` or `invalid`, with the problem's place."""
        book = POLICIES.load_or(self.desk.store, PolicyBook(), self.desk.project(call).value.id).value
        after, limit = after_of(call) or "", limit_of(call)
        rest = sorted((policy for policy in book.policies if _place(policy) > after), key=_place)
        return page(rest[: limit + 1], limit, _place, show)


def _place(policy: Policy) -> str:
    return policy.path or f"{policy.cluster}/{policy.name}"


def show(policy: Policy) -> dict[str, Any]:
    """Return a policy as the API shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(policy)
    return shown | {"state": "invalid" if policy.problem else "active"}
