"""The deployment's own secrets in Secret Manager: `gcp-sm:projects/P/secrets/NAME`; NAME alone is our project's."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

from infra.own_secrets import Opener, OwnSecrets
from shared.clients.google_secrets import open_google_secrets
from shared.clients.secrets import GOOGLE_PROJECTS

_OWN: Final = OwnSecrets("gcp-sm", "/", GOOGLE_PROJECTS)


def reveal(environment: MutableMapping[str, str], vault: Opener = open_google_secrets) -> None:
    """Put the texts of the deployment's own secrets into the environment (see `OwnSecrets.reveal`)."""
    _OWN.reveal(environment, vault)
