"""Resolves references to secrets that we were given: `env:NAME` and `file:NAME`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from shared.errors import Misconfigured

_ENV = re.compile(r"LITMUS_GITOPS_SECRET_[A-Z0-9_]+")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FORMS = "env:LITMUS_GITOPS_SECRET_… or file:NAME"


def check_reference(reference: str) -> None:
    """Refuse what is no reference, above all a secret pasted in its place; the text is never repeated."""
    scheme, _, name = reference.partition(":")
    pattern = {"env": _ENV, "file": _FILE}.get(scheme)
    if pattern is None or not pattern.fullmatch(name):
        raise Misconfigured(f"a secret is named by reference, {FORMS}: what was given is neither")


class SecretReferences:
    """Reads secrets at each use, so that a rotated file counts at once."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._environment = environment

    def __call__(self, reference: str) -> str:
        """Return the value without surrounding white space: `Misconfigured` if there is none."""
        check_reference(reference)
        scheme, _, name = reference.partition(":")
        value = self._environment.get(name, "") if scheme == "env" else self._read(name)
        if not value.strip():
            raise Misconfigured(f"the secret {reference} is missing or empty")
        return value.strip()

    def _read(self, name: str) -> str:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"the secret file:{name} cannot be read from the secrets folder") from error
