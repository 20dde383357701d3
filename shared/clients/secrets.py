"""Resolves references to secrets that we were given: `env:NAME`, `file:NAME`, and those in a cloud's vault."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from shared.errors import Misconfigured
from shared.model.references import Reference

KEPT: Final = 30.0
"""Seconds that a value from a vault is used for before it is asked for again: a rotation counts within them."""

PROJECTS: Final = "litmus-gitops-projects/"
"""What stands before NAME in AWS, so that no project can name a secret that is not meant for projects."""

GOOGLE_PROJECTS: Final = "litmus-gitops-projects-"
"""The same in Google Cloud, where names have no slash."""

Vault = Callable[[str], str]
Opener = Callable[[], Vault]


def _aws() -> Vault:
    from shared.clients.aws_secrets import open_aws_secrets  # noqa: PLC0415 - only a reference to AWS loads its SDK

    read = open_aws_secrets()
    return lambda name: read(f"{PROJECTS}{name}")


def _google() -> Vault:
    from shared.clients.google_secrets import open_google_secrets  # noqa: PLC0415 - only a reference to Google loads it

    read = open_google_secrets()
    return lambda name: read(f"{GOOGLE_PROJECTS}{name}")


VAULTS: Final[Mapping[str, Opener]] = {"aws-sm": _aws, "gcp-sm": _google}
"""How what reads secrets by name is opened, by the scheme of the reference."""


class SecretReferences:
    """Reads secrets at each use, so that a rotated file counts at once; those of a vault are kept for a moment."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] = os.environ,
        vaults: Mapping[str, Opener] = VAULTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._vaults = vaults
        self._clock = clock
        self._opened: dict[str, Vault] = {}
        self._kept: dict[Reference, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def __call__(self, reference: str) -> str:
        """Return the value without surrounding white space.

        Raises `Misconfigured` if there is none, `Unavailable` while its vault does not answer.
        """
        found = Reference.parse(reference)
        try:
            value = self._vaulted(found) if found.scheme in self._vaults else self._own(found)
            value.encode()
        except (OSError, UnicodeError) as error:
            raise Misconfigured(f"the secret {reference} cannot be read as text in UTF-8") from error
        if not value.strip():
            raise Misconfigured(f"the secret {reference} is missing or empty")
        return value.strip()

    def _own(self, found: Reference) -> str:
        if found.scheme == "env":
            return self._environment.get(found.name, "")
        return (self._folder / found.name).read_text(encoding="utf-8")

    def _vaulted(self, found: Reference) -> str:
        """Return the value that is kept, or ask the vault; one caller asks while the others wait for the answer."""
        with self._lock:
            at, value = self._kept.get(found, (0.0, ""))
            if found not in self._kept or self._clock() - at >= KEPT:
                at, value = self._clock(), self._asked(found)
                self._kept[found] = (at, value)
            return value

    def _asked(self, found: Reference) -> str:
        name, _, field = found.name.partition("#")
        value = self._vault(found.scheme)(name)
        return _field(value, field, found) if field else value

    def _vault(self, scheme: str) -> Vault:
        if scheme not in self._opened:
            try:
                self._opened[scheme] = self._vaults[scheme]()
            except ModuleNotFoundError as error:
                raise Misconfigured(
                    f"a secret is named as {scheme}:…, but {error.name} was left out of this bundle: name it as the "
                    "deployment has it, or bundle the function for one that has that vault"
                ) from error
        return self._opened[scheme]


def _field(value: str, field: str, found: Reference) -> str:
    try:
        text = json.loads(value)[field]
    except (ValueError, TypeError, LookupError):
        text = None
    if not isinstance(text, str):
        raise Misconfigured(f"the secret {found.scheme}:{found.name} is no JSON object with a text under {field!r}")
    return text
