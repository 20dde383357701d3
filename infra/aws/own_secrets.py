"""The deployment's own secrets: settings that name a secret of Secrets Manager get its text in place of the name."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final

from shared.clients.aws_secrets import open_aws_secrets
from shared.clients.secrets import PROJECTS
from shared.errors import Misconfigured

SETTINGS: Final = ("MASTER_KEY", "ADMIN_TOKEN")
SCHEME: Final = "aws-sm:"


def reveal(environment: MutableMapping[str, str], vault: Callable[[], Callable[[str], str]] = open_aws_secrets) -> None:
    """Replace each `aws-sm:NAME` among the settings that are secrets; NAME is the whole name, or an ARN.

    Raises `Misconfigured` for a secret that is not there or that projects could name too, `Unavailable` where Secrets
    Manager does not answer: then this instance does not start, and the next one asks again.
    """
    given = {name: environment.get(name, "") for name in SETTINGS}
    named = {name: value.removeprefix(SCHEME) for name, value in given.items() if value.startswith(SCHEME)}
    for name, secret in named.items():
        if PROJECTS in secret:
            raise Misconfigured(
                f"{name} names a secret below {PROJECTS}, which any project could name: move it elsewhere"
            )
    if named:
        read = vault()
        environment.update({name: read(secret).strip() for name, secret in named.items()})
