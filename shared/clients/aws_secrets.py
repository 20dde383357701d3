"""AWS Secrets Manager: the text of a secret, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from shared.errors import Misconfigured, Unavailable

_LINE: Final = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
_UNSET: Final = (NoRegionError, NoCredentialsError, PartialCredentialsError)
_PERMANENT: Final = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)
"""Codes of GetSecretValue that only an operator can mend: no such secret, marked for deletion, no right to it."""


def open_aws_secrets() -> Callable[[str], str]:
    """Return what reads a secret's text by its name or ARN, with region and credentials from the environment.

    Raises `Misconfigured` where there is no such text for us, `Unavailable` where Secrets Manager does not answer in
    three attempts. Neither the value nor AWS' own words stand in an error.
    """
    try:
        client: Any = botocore.session.get_session().create_client("secretsmanager", config=_LINE)
    except _UNSET as error:
        raise _unset(error) from error

    def read(name: str) -> str:
        try:
            text = client.get_secret_value(SecretId=name).get("SecretString")
        except _UNSET as error:
            raise _unset(error) from error
        except (BotoCoreError, ClientError) as error:
            raise _refused(name, error) from error
        if not isinstance(text, str):
            raise Misconfigured(f"the secret {name} in Secrets Manager holds no text: put it as SecretString")
        return text

    return read


def _unset(error: Exception) -> Misconfigured:
    return Misconfigured(f"Secrets Manager cannot be asked ({type(error).__name__}): give AWS_REGION and credentials")


def _refused(name: str, error: BotoCoreError | ClientError) -> Misconfigured | Unavailable:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    if code in _PERMANENT:
        return Misconfigured(
            f"the secret {name} cannot be read from Secrets Manager ({code}): create it, and let this function's role "
            "have secretsmanager:GetSecretValue on it"
        )
    return Unavailable(f"the secret {name} cannot be read from Secrets Manager now ({code})")
