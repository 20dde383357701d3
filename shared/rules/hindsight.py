"""Which runs were under way when a change was made, of which its signal may tell much later."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from shared.model.runs import Active, Ended


def as_of(at: str, active: Iterable[Active], ended: Iterable[Ended]) -> tuple[Active, ...]:
    """Return the runs that were not over `at` (RFC 3339 UTC), each as begun or waiting as it was then."""
    since = (_reopened(one) for one in ended if one.ended_at >= at)
    return tuple(_before(one) if at < one.begun_at else one for one in (*active, *since))


def _reopened(one: Ended) -> Active:
    return Active(
        one.run,
        one.project,
        one.experiment,
        "running",
        workload=one.workload,
        service_accounts=one.service_accounts,
        begun_at=one.begun_at,
    )


def _before(one: Active) -> Active:
    return msgspec.structs.replace(one, state="waiting")
