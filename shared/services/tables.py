"""Where each record lives: one table a record type, its partition and sort key, and how it is coded."""

from __future__ import annotations

from functools import cached_property
from typing import Generic, TypeVar

import msgspec

from shared.model.centers import Errand
from shared.model.changes import Change, KeptReview, Tracked
from shared.model.experiments import Edit, Experiment, SyncState
from shared.model.hooks import Webhook
from shared.model.ledger import Event
from shared.model.orders import Dispatched, Standing
from shared.model.policies import PolicyBook
from shared.model.projects import Cluster, FormerUse, Presence, Project
from shared.model.reaches import Reach
from shared.model.records import ABSENT, Check, Delete, Key, Put, Record
from shared.model.runs import Active, Concluded, Ended, Recent, Run
from shared.model.schedules import Scheduled
from shared.model.statuses import Commit, Concern, Looked, Posted
from shared.model.texts import Unused
from shared.model.triggers import Pushed
from shared.ports.state import Store

T = TypeVar("T")


class Versioned(msgspec.Struct, Generic[T], frozen=True):
    """A value with the version that its conditional write must name; `ABSENT` where nothing is stored."""

    key: Key
    value: T
    version: int


class Table(Generic[T]):
    """Records of one type: `partition` is a template over the parts of a key, the last part sorts.

    Those that `age` are forgotten once the store's retention has passed since they were written last.
    """

    def __init__(self, partition: str, of: type[T], *, ages: bool = False) -> None:
        self._partition = partition
        self._ages = ages
        self._of = of
        self._encoder = msgspec.json.Encoder()
        self._last: tuple[Record, Versioned[T]] | None = None

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[T]:
        """Made at its first use, since few tables are read by any one function."""
        return msgspec.json.Decoder(self._of)

    def partition(self, *parts: str) -> str:
        """Return the partition that a query lists."""
        return "/".join((self._partition, *parts))

    def key(self, *parts: str) -> Key:
        """Return the key of the record under these parts."""
        return Key(self.partition(*parts[:-1]), parts[-1])

    def load(self, store: Store, *parts: str) -> Versioned[T] | None:
        """Return the record under these parts, or None."""
        record = store.get(self.key(*parts))
        return None if record is None else self.read(record)

    def load_or(self, store: Store, default: T, *parts: str) -> Versioned[T]:
        """Return the record under these parts, or `default` as one that is yet to be written."""
        key = self.key(*parts)
        return self.read_or(store.get(key), key, default)

    def read_or(self, record: Record | None, key: Key, default: T) -> Versioned[T]:
        """Decode what was read under a key, None being `default`, yet to be written."""
        return Versioned(key, default, ABSENT) if record is None else self.read(record)

    def read(self, record: Record) -> Versioned[T]:
        """Decode a record that a query returned; the very one that was read last is not decoded again."""
        last = self._last
        if last is None or last[0] is not record:
            last = record, Versioned(record.key, self._decoder.decode(record.value), record.version)
            self._last = last
        return last[1]

    def put(self, value: T, *parts: str, expected: int | None = None) -> Put:
        """Return the write of `value` under these parts (`expected` as in `Put`)."""
        return Put(self.key(*parts), self._encoder.encode(value), expected, self._ages)

    def copy(self, put: Put, *parts: str) -> Put:
        """Return the write of the same value as another table of this type writes, under these parts."""
        return Put(self.key(*parts), put.value)

    def replace(self, was: Versioned[T], value: T) -> Put:
        """Return the write that holds only if nobody wrote since `was` was read."""
        return Put(was.key, self._encoder.encode(value), was.version, self._ages)

    def delete(self, *parts: str, expected: int | None = None) -> Delete:
        """Return the removal of the record under these parts."""
        return Delete(self.key(*parts), expected)

    def remove(self, was: Versioned[T]) -> Delete:
        """Return the removal that holds only if nobody wrote since `was` was read."""
        return Delete(was.key, was.version)


def unchanged(was: Versioned[T]) -> Check:
    """Return the condition that nobody wrote this record since it was read."""
    return Check(was.key, was.version)


class Lease(msgspec.Struct, frozen=True):
    """Who works on something until when (RFC 3339 UTC); the record's version is the fencing number."""

    holder: str
    until: str


class Gate(msgspec.Struct, frozen=True):
    """The last order that was let go to a cluster; its version makes those that let orders go take turns."""

    order: str = ""


class Seen(msgspec.Struct, frozen=True):
    """A delivery id that came before, and when it last did (RFC 3339 UTC); all else of it is in the ledger."""

    at: str = ""


PROJECTS = Table("project", Project)
"""project / id."""
CLUSTERS = Table("cluster", Cluster)
"""cluster / id: ids are unique over all projects."""
MEMBERS = Table("member", Cluster)
"""member/<project> / cluster id: the same values, listed by project."""
RETIRED = Table("retired", int)
"""retired / cluster id: the version of a forgotten cluster's secrets, so that one of the same id gets others."""
FORMER_USES = Table("former-use", FormerUse, ages=True)
"""former-use/<cluster> / purpose: when secrets that rotation replaced were last used."""
PRESENCE = Table("presence", Presence)
"""presence/<project> / cluster id."""
SYNCS = Table("sync", SyncState)
"""sync / project."""
LEASES = Table("lease", Lease)
"""lease / name."""
EXPERIMENTS = Table("experiment", Experiment)
"""experiment/<project> / id."""
BLOBS = Table("blob", bytes)
"""blob/<project> / blob id: the text of each file that an experiment, a policy, an edit or an open order refers to.

Whoever begins to refer to a text that is not the newest of its file writes it anew, since it may be forgotten else.
"""
UNUSED = Table("unused", Unused)
"""unused/<project> / blob id: the stored texts that nothing referred to when they were looked through."""
TEXTS_LOOK = Table("texts-look", str)
"""texts-look / project: RFC 3339 UTC of when its texts are to be looked through again."""
POLICIES = Table("policies", PolicyBook)
"""policies / project."""
EDITS = Table("edit", Edit)
"""edit/<project> / id."""
DELIVERIES = Table("delivery", Seen, ages=True)
"""delivery/<project> / delivery id."""
TRACKED = Table("tracked", Tracked)
"""tracked/<cluster> / <Kind>/<namespace>/<name>."""
KEPT = Table("kept", KeptReview, ages=True)
"""kept/<cluster>/<Kind>/<namespace>/<name> / id: its reviews that are yet to be decided on, oldest first."""
CHANGES = Table("change", Change, ages=True)
"""change/<project> / event id: what the ledger's row of that id is about, with both sides."""
EVENTS = Table("ledger", Event, ages=True)
"""ledger/<project>/<kind> / event id."""
ORDERS = Table("order", Dispatched)
"""order/<cluster> / order id."""
OPEN_ORDERS = Table("open-order", Dispatched)
"""open-order/<cluster> / order id: those not over yet, in the order they were made."""
STANDINGS = Table("open-order", Standing)
"""The same records, read for what decides on others."""
ERRANDS = Table("errand", Errand)
"""errand/<cluster> / order id: what a ChaosCenter was asked to run and has not ended."""
REACHES = Table("reach", Reach)
"""reach / cluster: how its subscriber was reached lately."""
GATES = Table("gate", Gate)
"""gate / cluster."""
RUNS = Table("run", Run, ages=True)
"""run/<project> / run id."""
ACTIVE = Table("active", Active)
"""active/<cluster> / run id: the runs that are not over."""
ENDED = Table("ended", Ended, ages=True)
"""ended/<cluster> / RFC 3339 UTC of the end and run id: the runs that did chaos there."""
HISTORY = Table("history", Concluded, ages=True)
"""history/<project>/<experiment> / RFC 3339 UTC of when the end was told and run id: what its runs came to."""
RECENT = Table("recent", Recent)
"""recent / project: what safety remembers."""
COOLDOWNS = Table("cooldown", str, ages=True)
"""cooldown/<project> / <cluster>/<subject>/<experiment>: RFC 3339 UTC of the last trigger."""
BLIND = Table("blind", str, ages=True)
"""blind/<project> / run id: RFC 3339 UTC since when the stop conditions of a run cannot be judged."""
COMMITS = Table("commit", Commit, ages=True)
"""commit/<project> / commit id: what git says of it."""
CONCERNS = Table("concern", Concern, ages=True)
"""concern/<project>/<commit> / <experiment>/<cluster>/<workload>: what else bears on its status."""
POSTED = Table("posted", Posted, ages=True)
"""posted/<project> / commit id: what the git host was told of it."""
PULLS = Table("pull", Looked)
"""pull/<project> / number: the open pull requests, as they were looked at last."""
UNLISTED = Table("unlisted", str)
"""unlisted / project: why its pull requests cannot be listed."""
PUSHED = Table("pushed", Pushed, ages=True)
"""pushed/<project> / <experiment>/<blob>/<commit>: what a push was decided to start."""
PAST = Table("past", str)
"""past/<project> / blob: RFC 3339 UTC of when git last stopped holding this text as an experiment."""
SCHEDULES = Table("schedule", Scheduled)
"""schedule/<project> / experiment: whether its schedule may be installed, and what was ordered of it."""
TICKED = Table("ticked", str)
"""ticked / function: RFC 3339 UTC of when it was last told that its time has come."""
WEBHOOKS = Table("webhook", Webhook)
"""webhook / project."""
