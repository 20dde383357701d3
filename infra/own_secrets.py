"""The deployment's own secrets: settings that name a secret of a cloud's vault get its text in place of the name."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final

from shared.errors import Misconfigured

SETTINGS: Final = ("MASTER_KEY", "ADMIN_TOKEN")

Opener = Callable[[], Callable[[str], str]]


@dataclass(frozen=True, slots=True)
class OwnSecrets:
    """Settings written `<scheme>:<secret>`, where the secret's own name stands behind its last `separator`, if any.

    Names that begin with `projects` are those that any project may name.
    """

    scheme: str
    separator: str
    projects: str

    def reveal(self, environment: MutableMapping[str, str], vault: Opener) -> None:
        """Replace each reference among the settings that are secrets; without one the vault is not even opened.

        Raises `Misconfigured` for a secret that is not there or that projects could name too, `Unavailable` where the
        vault does not answer: then this instance does not start, and the next one asks again.
        """
        given = {name: environment.get(name, "") for name in SETTINGS}
        mark = f"{self.scheme}:"
        named = {name: text.removeprefix(mark) for name, text in given.items() if text.startswith(mark)}
        for name, secret in named.items():
            self._check(name, secret)
        if named:
            read = vault()
            environment.update({name: read(secret).strip() for name, secret in named.items()})

    def _check(self, name: str, secret: str) -> None:
        if secret.rpartition(self.separator)[2].startswith(self.projects):
            raise Misconfigured(
                f"{name} names a secret {self.projects}…, which any project could name: call it otherwise"
            )
