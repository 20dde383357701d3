"""What a push did to an experiment, and whether that starts it: by the project's setting or the manifest's word."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from shared.model.experiments import Experiment, Manifest
from shared.model.projects import RUN_ON_PUSH, RunOnPush
from shared.rules.facts import Refusal

_STARTED: Final = frozenset({"Workflow", "ChaosEngine"})
"""Kinds that a push starts; the others have a schedule of their own."""


class Move(msgspec.Struct, frozen=True):
    """An experiment as it was written (None: removed), as it was before, and what was removed from its path.

    `was` and `gone` are None where there was none.
    """

    now: Experiment | None
    was: Experiment | None = None
    gone: Experiment | None = None

    @property
    def dropped(self) -> str | None:
        """The blob that git no longer holds for this experiment, None if there is none."""
        was = self.was
        if was is None or not was.commit or (self.now and self.now.blob == was.blob):
            return None
        return was.blob


def wished(setting: RunOnPush, manifest: Manifest | None) -> RunOnPush:
    """Return when a push starts an experiment: the annotation overrides the setting, and a word unknown to us is no."""
    stated = manifest.annotations.get(RUN_ON_PUSH, setting) if manifest else setting
    return next((known for known in get_args(RunOnPush) if known == stated), "never")


def pushed(move: Move) -> RunOnPush:
    """Return what a push did to an experiment: `new` or `changed` text that can run, or `never` if neither.

    A rename changes nothing. A file that could not be read so far is new, one that only got another id is not.
    """
    now = move.now
    if now is None or not now.commit or now.state == "invalid" or now.kind not in _STARTED:
        return "never"
    before = [one for one in (move.was, move.gone) if one and one.commit]
    if any(one.blob == now.blob for one in before):
        return "never"
    return "changed" if any(one.kind for one in before) else "new"


def starts(setting: RunOnPush, move: Move) -> bool:
    """Whether a push asks for a start; where changes start an experiment, so does its first text."""
    what = pushed(move)
    wish = wished(setting, move.now.manifest if move.now else None)
    return what != "never" and wish in {what, "changed"}


def returned(experiment: Experiment) -> Refusal:
    """Return why a text that git held before starts nothing: a revert or a forced push undoes, it does not test."""
    return Refusal("returned", f"{experiment.path} holds again what it held before: going back starts nothing")


def outrun(experiment: Experiment | None, blob: str, setting: RunOnPush) -> Refusal | None:
    """Return why a start that was decided for a blob is no longer wanted, None if it is."""
    if experiment is None:
        return Refusal("superseded", "the experiment was removed from git after it was pushed")
    if experiment.blob != blob:
        why = f"{experiment.path} was pushed anew before it started: git holds {experiment.blob[:12]}, not {blob[:12]}"
        return Refusal("superseded", why)
    if wished(setting, experiment.manifest) == "never":
        return Refusal("run on push", f"{experiment.path} starts by no push any more: run_on_push is never by now")
    return None
