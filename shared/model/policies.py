"""Event tracker policies: which changes count."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from shared.model.experiments import Problem
from shared.model.projects import Window

Operator = Literal[
    "EqualTo", "NotEqualTo", "LessThan", "GreaterThan", "GreaterThanEqualTo", "LessThanEqualTo", "Change"
]


class Condition(msgspec.Struct, frozen=True):
    """One comparison: the value at JMESPath `key` of the new object, `operator`, and `value`."""

    key: str
    operator: Operator
    value: str | None = None


class Selector(msgspec.Struct, frozen=True):
    """To what a policy applies; an empty list or map leaves that side open. Names may hold `*` globs."""

    clusters: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    labels: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True):
    """One `EventTrackerPolicy`, from git (`path`) or from a cluster (`cluster`).

    An invalid one keeps its name and its `problem`, and never counts as a policy that matched nothing.
    """

    name: str
    condition_type: Literal["and", "or"] = "and"
    conditions: tuple[Condition, ...] = ()
    selector: Selector = Selector()
    experiments: tuple[str, ...] = ()
    operations: tuple[Literal["CREATE", "UPDATE"], ...] = ("UPDATE",)
    autoscalers: bool = False
    cooldown: str | None = None
    windows: tuple[Window, ...] = ()
    wait: str | None = None
    path: str | None = None
    cluster: str | None = None
    blob: str | None = None
    problem: Problem | None = None


class PolicyBook(msgspec.Struct, frozen=True):
    """All policies of a project as its last sync found them; its record's version guards decisions."""

    policies: tuple[Policy, ...] = ()


class Judged(msgspec.Struct, frozen=True):
    """One condition as it was evaluated: both sides of the comparison, and why it holds or not.

    Where a sealed value leaves that `unknown`, it does not hold.
    """

    key: str
    operator: Operator
    value: str | None
    found: Any
    before: Any
    holds: bool
    changed: bool
    reason: str
    unknown: bool = False


class Opinion(msgspec.Struct, frozen=True):
    """What one policy says of one change; `unknown`: that it does not match hangs on sealed values alone."""

    policy: str
    matches: bool
    reason: str
    conditions: tuple[Judged, ...] = ()
    experiments: tuple[str, ...] = ()
    cooldown: str | None = None
    wait: str | None = None
    windows: tuple[Window, ...] = ()
    unknown: bool = False


class Decision(msgspec.Struct, frozen=True):
    """What all policies together say: the experiments to start (possibly none) and why, in words.

    `cooldowns` and `waits` map an experiment to the policies' own bound where one sets it, `windows` to those in one of
    which it may start; without an entry only the project's windows bound it. `unmoved` counts policies that are not
    among `opinions`, since nothing that they name changed.
    """

    experiments: tuple[str, ...]
    reason: str
    rule: str
    opinions: tuple[Opinion, ...] = ()
    cooldowns: dict[str, str] = {}
    waits: dict[str, str] = {}
    windows: dict[str, tuple[Window, ...]] = {}
    unmoved: int = 0
