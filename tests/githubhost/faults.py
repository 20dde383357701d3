"""What goes wrong on demand."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SECONDARY: Final = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PRIMARY: Final = "API rate limit exceeded for installation ID 1."


@dataclass
class Fault:
    """An answer in place of the right one, to the next `times` calls that match `call` (`METHOD path`).

    `done` faults do what was asked first, as a host does whose answer gets lost; `delay` is in seconds, and a `status`
    of 0 hangs up.
    """

    call: str
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    delay: float = 0.0
    done: bool = False

    def meets(self, method: str, path: str) -> bool:
        """Whether it is for this call, and not used up."""
        if self.times <= 0 or not re.search(self.call, f"{method} {path}"):
            return False
        self.times -= 1
        return True

    @property
    def text(self) -> bytes:
        """What is sent."""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body or {"message": "Something is wrong", "documentation_url": "https://docs"}).encode()


def secondary_limit(call: str, seconds: int) -> Fault:
    """GitHub's answer to one who writes too much at a time."""
    return Fault(call, 403, {"message": SECONDARY, "documentation_url": "https://docs"}, {"Retry-After": str(seconds)})


def primary_limit(call: str, seconds: int) -> Fault:
    """GitHub's answer to one whose hour is used up."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + seconds)}
    return Fault(call, 403, {"message": PRIMARY, "documentation_url": "https://docs"}, headers)
