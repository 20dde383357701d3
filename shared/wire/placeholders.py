"""Argo's `{{…}}` in embedded objects: kept through YAML, which they may break, and filled where they are known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from shared.wire.documents import At

_PLACEHOLDER: Final = re.compile(r"\{\{[^{}\n]*\}\}")
_PARAMETER: Final = re.compile(r"\{\{\s*workflow\.parameters\.([^\s{}]+)\s*\}\}")
_STAND_IN: Final = re.compile("\ue000([0-9]{1,6})\ue001", re.ASCII)


@dataclass(frozen=True, slots=True)
class Placeholders:
    """A workflow's parameters, and the placeholders of one embedded text by the number of their stand-in."""

    parameters: dict[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def guard(self, text: str) -> tuple[str, Placeholders]:
        """Return the text with stand-ins that are plain YAML, quoted or not, and what turns them back."""
        kept = tuple(_PLACEHOLDER.findall(text))
        numbers = iter(range(len(kept)))
        guarded = _PLACEHOLDER.sub(lambda _: f"\ue000{next(numbers)}\ue001", text)
        return guarded, Placeholders(self.parameters, kept)

    def fill(self, text: str) -> str:
        """Return a value of the guarded text with its placeholders back, and the workflow's parameters in place."""
        restored = _STAND_IN.sub(self._restored, text)
        return _PARAMETER.sub(lambda found: self.parameters.get(found[1], found[0]), restored)

    def _restored(self, found: re.Match[str]) -> str:
        return self.kept[int(found[1])] if int(found[1]) < len(self.kept) else found[0]


def is_open(text: str) -> bool:
    """Whether a placeholder is left whose value only a run knows."""
    return "{{" in text


def parameters_of(arguments: At) -> Placeholders:
    """Read a workflow's `spec.arguments`: parameters with a name and a value (a number counts as it is written)."""
    items = [at for at in arguments.get("parameters").items() if at.get("value").value is not None]
    return Placeholders({at.get("name").text(): at.get("value").word() for at in items})
