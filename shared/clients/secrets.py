"""Resolves references to secrets that we were given: `env:NAME` and `file:NAME`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from shared.errors import Misconfigured
from shared.model.references import Reference


class SecretReferences:
    """Reads secrets at each use, so that a rotated file counts at once."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._environment = environment

    def __call__(self, reference: str) -> str:
        """Return the value without surrounding white space: `Misconfigured` if there is none."""
        found = Reference.parse(reference)
        try:
            value = self._environment.get(found.name, "") if found.scheme == "env" else self._read(found.name)
            value.encode()
        except (OSError, UnicodeError) as error:
            raise Misconfigured(f"the secret {reference} cannot be read as text in UTF-8") from error
        if not value.strip():
            raise Misconfigured(f"the secret {reference} is missing or empty")
        return value.strip()

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8")
