"""What rendering adds to a manifest, and the names and labels by which its objects are found again."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

Json = dict[str, Any]

ORDER: Final = "litmuschaos.io/order"
EXPERIMENT: Final = "litmuschaos.io/experiment"
NAME_LIMIT: Final = 63

_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)


class Limits(msgspec.Struct, frozen=True):
    """Bounds that a run gets where its manifest sets none; `image` holds a shell and kubectl for the exit handler."""

    ttl_seconds: int = 86_400
    deadline_seconds: int = 3_600
    image: str = "litmuschaos/k8s:2.11.0"


class Ticket(msgspec.Struct, frozen=True):
    """What one order adds to its manifest.

    `labels` are Litmus' own (workflow_id, infra_id, revision_id). `namespace` is where an object goes that names none,
    `bound` the only namespace that the workflow controller serves, where it is bound to one; `instance` the
    controller's instance id, empty where it has none, None where no controller was found.
    """

    order: str
    experiment: str
    labels: dict[str, str] = {}
    namespace: str = "litmus"
    bound: str | None = None
    instance: str | None = None
    suspend: bool = False
    limits: Limits = Limits()


class Rendered(msgspec.Struct, frozen=True):
    """An object to be created, and where: `resource` is `<group>/<version>/<plural>`."""

    resource: str
    namespace: str
    body: Json

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])


def label_value(text: str) -> str:
    """Return the text where it may stand as a label's value, else a hash of it."""
    return text if _LABEL.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:32]


def object_name(stem: str, order: str, reserve: int = 0) -> str:
    """Return a DNS label of at most 63 less `reserve` characters that only this order makes of this stem."""
    mark = hashlib.sha256(order.encode()).hexdigest()[:12]
    plain = re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-") or "chaos"
    room = max(NAME_LIMIT - reserve - len(mark) - 1, 1)
    return f"{plain[:room].rstrip('-')}-{mark}"
