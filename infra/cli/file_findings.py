"""What `litmus-gitops doctor` looks at in a project's files: broken ones, edits that wait, schedules, offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infra.cli.portal import Portal, path_to

Finding = tuple[str, str]
"""What is wrong, and how to mend it."""

_ALL: Final = 10_000


def files(portal: Portal, name: str) -> Iterator[Finding]:
    """Find files that cannot be read, and schedules that a cluster does not carry out."""
    for kind in ("experiments", "policies"):
        for row in portal.items(path_to("projects", name, kind), _ALL):
            if row["state"] == "invalid":
                place = f", line {row['problem']['line']}" if row["problem"].get("line") else ""
                yield f"{row['path']}{place} is invalid: {row['problem']['message']}", "mend the file and push it"
            elif row["state"] == "synced" and row["problem"]:
                mend = f"mend that, then litmus-gitops experiment schedule {row['id']} -p {name} --accept"
                yield f"the schedule of {row['path']}: {row['problem']['message']}", mend


def schedules(portal: Portal, name: str) -> Iterator[Finding]:
    """Tell of schedules that wait, or are suspended."""
    for row in portal.items(path_to("projects", name, "experiments"), _ALL):
        if row["state"] == "synced" and row["schedule_reason"] and not row["problem"]:
            mend = f"see litmus-gitops event list -p {name} --kind order"
            yield f"the schedule of {row['path']} is {row['schedule']}: {row['schedule_reason']}", mend


def edits(portal: Portal, name: str) -> Iterator[Finding]:
    """Find edits that overlap with git, and those that wait for the git host."""
    for row in portal.items(path_to("projects", name, "conflicts"), _ALL):
        what = f"an edit of {row['path']} by {row['author']} overlaps with what git holds: {row['reason']}"
        yield what, f"see litmus-gitops experiment conflicts {row['id']} -p {name}, then experiment settle"
    for row in portal.items(path_to("projects", name, "experiments"), _ALL):
        if row["state"] == "pending" and row["pull"] is None and row["problem"] is None:
            mend = f"see litmus-gitops event list -p {name} --kind edit"
            yield f"an edit of {row['path']} waits for the git host", mend


def offers(portal: Portal, name: str) -> Iterator[Finding]:
    """Find what only the portal has."""
    rows = list(portal.items(path_to("projects", name, "export"), _ALL))
    if rows:
        yield (
            f"{len(rows)} files are only in the portal, and nothing of them starts; the first: {rows[0]['path']}",
            f"litmus-gitops project export {name}, or with --drop",
        )


def proposals(portal: Portal, name: str) -> Iterator[Finding]:
    """Tell of edits that wait for their pull request."""
    for row in portal.items(path_to("projects", name, "experiments"), _ALL):
        if row["pull"] is not None:
            what = f"an edit of {row['path']} waits for pull request #{row['pull']}"
            yield what, "merge or close it: closing drops the edit"
