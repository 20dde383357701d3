"""Whether a month broke a safety rule: each rule said anew, of nothing but what was seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from shared.model.ledger import Event
from shared.model.projects import Window
from tests.services.month import CHAOS, Month, Setting, Start
from tests.services.month_rules import EXPERIMENTS

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def span(text: str) -> timedelta:
    """Return a duration such as `5m`."""
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


def time_of(text: str) -> datetime:
    """Return a time of the ledger."""
    return datetime.fromisoformat(text)


class Tried:
    """The violations of a month, in words."""

    def __init__(self, month: Month) -> None:
        self.month, self.safety = month, month.safety
        self.changes = {row.id: row for row in month.rows("change")}
        self.runs = {run.id: run for run in month.runs()}

    def violations(self) -> list[str]:
        """Return all of them."""
        starts = [said for start in self.month.starts for said in self._of_start(start)]
        return [*starts, *self._cooldowns(), *self._storms(), *self._changes(), *self._unexplained()]

    def _of_start(self, start: Start) -> Iterator[str]:
        run, setting = self.runs[start.order.order], self._setting(start.at)
        namespace, fault = EXPERIMENTS[start.order.experiment]
        what = f"{start.order.experiment} on {start.cluster} at {start.at}"
        change = self.changes[str(run.change)]
        if setting.mode != "enforce" or setting.frozen:
            yield f"{what}: began under {setting}"
        if self.safety.windows and not any(is_open(window, start.at) for window in self.safety.windows):
            yield f"{what}: began outside {self.safety.windows}"
        if start.at > time_of(change.at) + span(self.safety.expiry):
            yield f"{what}: began later than {self.safety.expiry} after {change.at}"
        if not _matches(namespace, self.safety.allowed_namespaces) or not _matches(fault, self.safety.allowed_faults):
            yield f"{what}: is not allowed"
        if namespace in self.safety.approval_namespaces and not self._approved(start):
            yield f"{what}: began unapproved"
        yield from self._beside(start, what, namespace)

    def _beside(self, start: Start, what: str, namespace: str) -> Iterator[str]:
        others = [one for one in self._under_way(start.at) if one is not start and one.cluster == start.cluster]
        same = [one for one in others if EXPERIMENTS[one.order.experiment][0] == namespace]
        if len(others) >= self.safety.max_runs.cluster or len(same) >= self.safety.max_runs.namespace:
            yield f"{what}: began beside {len(others)} runs, {len(same)} of its namespace"
        if any(one.order.experiment == start.order.experiment for one in others):
            yield f"{what}: began beside a run of the same experiment"

    def _under_way(self, at: datetime) -> list[Start]:
        ended = self.month.ended
        return [one for one in self.month.starts if one.at <= at < ended.get(one.order.order, at + timedelta(1))]

    def _approved(self, start: Start) -> bool:
        given = self.month.approvals.get(start.order.order)
        return given is not None and given <= start.at

    def _setting(self, at: datetime) -> Setting:
        return [one for one in self.month.settings if one.at <= at][-1]

    def _triggered(self) -> list[tuple[datetime, Event, list[str]]]:
        rows = [row for row in self.changes.values() if row.detail.get("trigger")]
        return [(time_of(row.at), row, list(row.detail["trigger"]["experiments"])) for row in rows]

    def _cooldowns(self) -> Iterator[str]:
        last: dict[tuple[str, str, str], datetime] = {}
        for at, row, experiments in self._triggered():
            for name in experiments:
                key = (row.detail["cluster"], row.subject, name)
                if key in last and at - last[key] < span(self.safety.cooldown):
                    yield f"{key} triggered at {last[key]} and at {at}, within {self.safety.cooldown}"
                last[key] = at

    def _storms(self) -> Iterator[str]:
        """Yield what began during a hold, or of a trigger that a person dropped."""
        dropped = [at for at, drop in self.month.releases if drop]
        for start in self.month.starts:
            change = time_of(self.changes[str(self.runs[start.order.order].change)].at)
            if any(since <= start.at < until for since, until in self._holds()):
                yield f"{start.order.experiment} began at {start.at}, during a hold"
            if any(change < at <= start.at for at in dropped):
                yield f"{start.order.experiment} of {change} began at {start.at}, though it was dropped"

    def _holds(self) -> Iterator[tuple[datetime, datetime]]:
        if self.safety.storm is None:
            return
        within, since = span(self.safety.storm.within), None
        recent: list[datetime] = []
        known = [(at, len(names), row.verdict) for at, row, names in self._triggered()]
        for at, count, verdict in sorted([*known, *((at, 0, "release") for at, _ in self.month.releases)]):
            if verdict == "release":
                if since is not None and since < at:
                    yield since, at
                recent, since = [], None
            elif since is None:
                recent = [one for one in recent if one > at - within] + [at] * count
                since = at if verdict == "triggered" and len(recent) > self.safety.storm.triggers else None

    def _changes(self) -> Iterator[str]:
        for at, row, _ in self._triggered():
            open_ones = [one for one in self._under_way(at) if one.cluster == row.detail["cluster"] and one.at < at]
            if row.detail["actor"] == CHAOS and open_ones:
                yield f"{row.subject} was changed by chaos at {at}, and triggered"
            if any(self.runs[one.order.order].workload == row.subject for one in open_ones):
                yield f"{row.subject} triggered at {at}, under a run of its own"

    def _unexplained(self) -> Iterator[str]:
        """Yield what did not start, and no row of the ledger says under which rule and why."""
        told = [row for row in self.month.rows("order") if row.detail.get("rule") and row.reason]
        said = {(link.id, row.subject) for row in told for link in row.links if link.rel == "change"}
        ran = {(run.change, run.experiment) for run in self.runs.values() if run.state == "completed"}
        for row in self.changes.values():
            refused = row.detail.get("refused", {})
            if row.verdict == "ignored" and not (row.detail.get("rule") and row.reason):
                yield f"{row.subject} was ignored at {row.at}, and nothing says why"
            for name in row.detail["trigger"]["experiments"] if row.detail.get("trigger") else ():
                if (row.id, name) not in said | ran:
                    yield f"{name} of {row.subject} at {row.at} did not run, and nothing says why"
            yield from (f"{name} was refused without a rule" for name, no in refused.items() if not no["rule"])
        yield from (
            f"run {run.id} is {run.state} for ever" for run in self.runs.values() if run.state in {"queued", "waiting"}
        )


def is_open(window: Window, at: datetime) -> bool:
    """Whether a daily window is open: it begins at its minute and hour of the zone's own day."""
    minute, hour, *_ = map(int, window.cron.split()[:2])
    local = at.astimezone(ZoneInfo(window.time_zone))
    begins = [
        (local + timedelta(days=day)).replace(hour=hour, minute=minute, second=0, microsecond=0) for day in (0, -1)
    ]
    return any(timedelta(0) <= at - begin.astimezone(ZoneInfo("UTC")) < span(window.duration) for begin in begins)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
