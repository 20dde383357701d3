"""What a person sees of a rotation under way: until when former secrets of a cluster count, and who uses them still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.cli.portal import Portal, path_to

_ALL: Final = 10_000
_SOON: Final = timedelta(hours=2)
_STILL: Final = timedelta(minutes=10)

Row = dict[str, Any]
Finding = tuple[str, str]


def told(row: Row) -> str | None:
    """Return in a line how the rotation of a listed cluster stands, None where none is under way."""
    rotation = row.get("rotation")
    if not rotation:
        return None
    used = [f"{purpose} at {at}" for purpose, at in sorted(rotation["former_used"].items())]
    return f"until {rotation['until']}, last used: {', '.join(used) or 'never'}"


def underway(portal: Portal, project: str) -> Iterator[Finding]:
    """Yield each rotation under way, with what is left to do."""
    for row in _rotating(portal, project):
        rotate = f"litmus-gitops cluster rotate {row['id']} -p {project}"
        if row["rotation"]["former_used"]:
            mend = f"give the new ones to whoever uses them, then {rotate} --end-grace"
        else:
            mend = f"once the new ones are in use, {rotate} --end-grace ends it now"
        yield f"former secrets of cluster {row['id']} count {told(row)}", mend


def ending(portal: Portal, project: str) -> Iterator[Finding]:
    """Yield each cluster that will be refused soon, since it uses secrets whose grace ends."""
    now = datetime.now(UTC)
    for row in _rotating(portal, project):
        last = max(map(datetime.fromisoformat, row["rotation"]["former_used"].values()), default=None)
        ends = datetime.fromisoformat(row["rotation"]["until"])
        if last and now - last < _STILL and ends - now < _SOON:
            what = f"cluster {row['id']} still uses former secrets, which count {told(row)}"
            yield what, "give it the new ones before that: docs/clusters.md, Other secrets"


def _rotating(portal: Portal, project: str) -> Iterator[Row]:
    rows = portal.items(path_to("projects", project, "clusters"), _ALL)
    return (row for row in rows if row.get("rotation"))
