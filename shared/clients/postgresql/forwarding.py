"""Who wakes the functions that messages are for, where no process of ours waits for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Forward = Callable[[Iterable[tuple[str, str]]], None]
"""Wakes functions for messages, each given as the function's name and the message's id; never raises."""
