"""Schedules of experiments: whether a person wants one, and what its clusters were ordered to do about it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCHEDULED: Final = frozenset({"CronWorkflow", "ChaosSchedule"})
"""Kinds of experiments that are installed on clusters rather than run by us."""

Doing = Literal["install", "remove"]


class Wanted(msgspec.Struct, frozen=True):
    """The text that is to be installed, by its git blob and commit; with `suspend` it starts nothing."""

    blob: str = ""
    commit: str = ""
    suspend: bool = False


class Placed(msgspec.Struct, frozen=True):
    """What a cluster was ordered last, and how the schedule stands there by the last order that was carried out.

    `version` is the one that the cluster was registered with: one that was forgotten and registered anew is another.
    """

    order: str
    action: Doing
    version: int
    wanted: Wanted = Wanted()
    standing: Literal["installed", "suspended"] | None = None


class Scheduled(msgspec.Struct, frozen=True):
    """Whether the schedule of an experiment may be installed, and what was ordered of it, by cluster.

    `approved` is the blob of the text that a person let into namespaces which need that.
    """

    accepted: bool = False
    clusters: dict[str, Placed] = {}
    approved: str = ""
