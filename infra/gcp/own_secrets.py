"""The deployment's own secrets: settings that name a secret of Secret Manager get its text in place of the name."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final

from shared.clients.google_secrets import open_google_secrets
from shared.clients.secrets import GOOGLE_PROJECTS
from shared.errors import Misconfigured

SETTINGS: Final = ("MASTER_KEY", "ADMIN_TOKEN")
SCHEME: Final = "gcp-sm:"


def reveal(
    environment: MutableMapping[str, str], vault: Callable[[], Callable[[str], str]] = open_google_secrets
) -> None:
    """Replace each `gcp-sm:projects/P/secrets/NAME` among the settings that are secrets; NAME alone is our project's.

    Raises `Misconfigured` for a secret that is not there or that projects could name too, `Unavailable` where Secret
    Manager does not answer: then this instance does not start, and the next one asks again.
    """
    given = {name: environment.get(name, "") for name in SETTINGS}
    named = {name: value.removeprefix(SCHEME) for name, value in given.items() if value.startswith(SCHEME)}
    for name, secret in named.items():
        if secret.rpartition("/")[2].startswith(GOOGLE_PROJECTS):
            raise Misconfigured(
                f"{name} names a secret {GOOGLE_PROJECTS}…, which any project could name: call it otherwise"
            )
    if named:
        read = vault()
        environment.update({name: read(secret).strip() for name, secret in named.items()})
