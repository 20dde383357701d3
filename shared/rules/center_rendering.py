"""Makes, of a manifest in git, the experiment that a ChaosCenter saves for one order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.errors import Invalid
from shared.rules.rendering import render_run
from shared.rules.tickets import Limits, Ticket

ROOM: Final = 49
"""Characters of a name: the ChaosCenter appends a time of 13 digits, and a Workflow's name is a label's value."""

_ONCE: Final = "-once"


class Saved(msgspec.Struct, frozen=True):
    """An experiment in a ChaosCenter: its id there, and its manifest under the name by which it is known there."""

    id: str
    manifest: dict[str, Any]

    @property
    def deadline(self) -> float:
        """Seconds after which its Workflow ends by itself, where it says so in a number."""
        found = self.manifest["spec"]["activeDeadlineSeconds"]
        return float(found) if isinstance(found, int) else float(Limits().deadline_seconds)


def render_saved(manifest: Mapping[str, Any], ticket: Ticket) -> Saved:
    """Return what is saved: the Workflow of an order as a subscriber of ours creates it, under the same name each time.

    A CronWorkflow runs once, beside one of the same id that may be installed there. `Invalid` for what a ChaosCenter
    does not run.
    """
    kind = manifest.get("kind")
    if kind not in {"Workflow", "CronWorkflow"}:
        raise Invalid(f"ChaosCenter 3.31 runs no {kind} by itself: make it a Workflow, or use a subscriber")
    once = _ONCE if kind == "CronWorkflow" else ""
    body = render_run(manifest, ticket, lambda text, _: text).body
    body["metadata"]["name"] = _name(manifest.get("metadata") or {}, once)
    return Saved(f"{ticket.experiment}{once}", body)


def _name(metadata: Mapping[str, Any], once: str) -> str:
    stem = str(metadata.get("name") or metadata.get("generateName") or "")
    plain = re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-") or "chaos"
    return f"{plain[: ROOM - len(once)].rstrip('-')}{once}"
