"""Policies as the last sync found them, broken ones included, and new ones tried on what happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.errors import Invalid
from shared.model.calls import Answer, Call
from shared.model.policies import Policy, PolicyBook
from shared.services.api.desk import Desk
from shared.services.api.events import moment_of
from shared.services.api.operations import Operation, parse
from shared.services.api.paging import QUERY, after_of, cursor_of, limit_of, page
from shared.services.recorded_changes import newest_first
from shared.services.simulating import Simulating, Trial, fired
from shared.services.tables import POLICIES
from shared.wire.files import read_policy_file
from shared.wire.writing import manifest_text

if TYPE_CHECKING:
    from shared.services.api.bodies import SimulationBody

_PATH: Final = "policy.yaml"


@dataclass(frozen=True, slots=True)
class Policies:
    """`EventTrackerPolicy` objects of a project."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        base = "/projects/{project}/policies"
        told = "Try a policy on the changes of the last week"
        return [
            Operation("GET", base, "List policies", self.browse, query=QUERY),
            Operation("POST", f"{base}/simulate", told, self.simulate, "SimulationBody", query=QUERY),
        ]

    def browse(self, call: Call) -> Answer:
        """List policies by path: `state` is `active` or `invalid`, with the problem's place."""
        book = POLICIES.load_or(self.desk.store, PolicyBook(), self.desk.project(call).value.id).value
        after, limit = after_of(call) or "", limit_of(call)
        rest = sorted((policy for policy in book.policies if _place(policy) > after), key=_place)
        return page(rest[: limit + 1], limit, _place, show)

    def simulate(self, call: Call) -> Answer:
        """Say of each recorded change, newest first, whether the policy would have started anything, and why (not).

        Each page counts its own: `changes` and `fired`.
        """
        project, body, limit = self.desk.project(call).value.id, parse("SimulationBody", call), limit_of(call)
        policy = _policy(body)
        since = moment_of(body.since) if body.since else None
        found = list(islice(newest_first(self.desk.store, project, after_of(call), since), limit + 1))
        trials = Simulating(self.desk.store).tried(project, policy, found[:limit])
        following = cursor_of(found[limit - 1].key.sort) if len(found) > limit else None
        counted = {"policy": policy.name, "changes": len(trials), "fired": fired(trials)}
        return Answer(200, {**counted, "items": [show_trial(trial) for trial in trials], "next": following})


def _policy(body: SimulationBody) -> Policy:
    policy = read_policy_file(_PATH, _text(body.policy))
    if policy.problem is None:
        return policy
    problem: dict[str, object] = msgspec.to_builtins(policy.problem)
    if not isinstance(body.policy, str):
        problem |= {"line": None, "column": None}
    raise Invalid(policy.problem.message, (problem,))


def _text(policy: str | dict[str, Any]) -> bytes:
    """Return the policy as a file; half a character, as JSON may hold one, stays what no file may hold."""
    if isinstance(policy, str):
        return policy.encode(errors="surrogatepass")
    return manifest_text(json.dumps(policy).encode())


def _place(policy: Policy) -> str:
    return policy.path or f"{policy.cluster}/{policy.name}"


def show(policy: Policy) -> dict[str, Any]:
    """Return a policy as the API shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(policy)
    return shown | {"state": "invalid" if policy.problem else "active"}


def show_trial(trial: Trial) -> dict[str, Any]:
    """Return a trial as the API shows it: `conditions` with the values that each compared."""
    shown: dict[str, Any] = msgspec.to_builtins(trial)
    said = shown.pop("opinions")
    return shown | {"conditions": said[0]["conditions"] if said else []}
