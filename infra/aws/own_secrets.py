"""The deployment's own secrets in Secrets Manager: `aws-sm:NAME`, where NAME is the whole name, or an ARN."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

from infra.own_secrets import Opener, OwnSecrets
from shared.clients.aws_secrets import open_aws_secrets
from shared.clients.secrets import PROJECTS

_OWN: Final = OwnSecrets("aws-sm", ":", PROJECTS)


def reveal(environment: MutableMapping[str, str], vault: Opener = open_aws_secrets) -> None:
    """Put the texts of the deployment's own secrets into the environment (see `OwnSecrets.reveal`)."""
    _OWN.reveal(environment, vault)
