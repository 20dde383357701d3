"""What a deployment will do: what was made for it, what stands behind it, the commands that follow, what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.deploying.catalogue import Function
from infra.deploying.distributions import PYTHON
from infra.deploying.packing import Packed

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment before it is done: `engine` holds state and messages, `commands` do it once nothing is `missing`.

    A function of which nothing was packed runs in the engine's process alone.
    """

    platform: str
    engine: str
    functions: tuple[Function, ...]
    packed: tuple[Packed, ...]
    commands: tuple[Command, ...]
    missing: tuple[str, ...]

    @property
    def queues(self) -> list[str]:
        """The functions that messages are for."""
        return [one.name for one in self.functions if one.receives]

    @property
    def routes(self) -> dict[str, str]:
        """Each route from outside, with its function."""
        return {route: one.name for one in self.functions for route in one.routes}

    def told(self) -> dict[str, Any]:
        """Return the plan as JSON has it; sizes are in bytes."""
        made = {one.function: one for one in self.packed}
        return {
            "platform": self.platform,
            "engine": self.engine,
            "python": PYTHON,
            "functions": [_told(one, made.get(one.name)) for one in self.functions],
            "queues": self.queues,
            "routes": self.routes,
            "commands": [" ".join(words) for words in self.commands],
            "missing": list(self.missing),
        }


def lacking(**tools: str) -> Iterator[str]:
    """Tell of each tool that is not on the PATH, with where it is found."""
    for tool, place in tools.items():
        if shutil.which(tool) is None:
            yield f"{tool} is not on the PATH: install {place}"


def _told(function: Function, packed: Packed | None) -> dict[str, Any]:
    return {
        "name": function.name,
        "routes": list(function.routes),
        "messages": function.receives,
        "sends": list(function.sends),
        "path": packed and str(packed.path),
        "bytes": packed and packed.size,
        "unpacked": packed and packed.content,
        "sha256": packed and packed.digest,
    }
