"""Durations for the rules; they live with the model because foreign formats are checked for them too."""

from __future__ import annotations

from shared.model.durations import LONGEST, seconds

__all__ = ["LONGEST", "seconds"]
