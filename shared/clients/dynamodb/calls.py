"""Calls of DynamoDB: repeated while it is busy, and what it answers as the errors of this house."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from shared.clients.dynamodb.layout import Item
from shared.errors import Misconfigured, Unavailable

_TRIES: Final = 10
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0

_CHECK_FAILED: Final = "ConditionalCheckFailed"
_BUSY: Final = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})
_AWAY: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_MENDS: Final = {
    "AccessDeniedException": "let the function's role do this",
    "ExpiredTokenException": "renew the credentials",
    "ResourceNotFoundException": "check STORE_URL and the region, or create the table",
    "UnrecognizedClientException": "check the credentials",
}


class CheckFailed(Exception):
    """A condition did not hold; `found` has for each item of the request what was there, None where its own held.

    `unsure` says that an earlier try of this very request was never answered, and may have done it.
    """

    def __init__(self, found: list[Item | None], *, unsure: bool) -> None:
        super().__init__("a condition did not hold")
        self.found = found
        self.unsure = unsure


@dataclass(frozen=True, slots=True)
class Table:
    """One table, through one client of DynamoDB."""

    client: Any
    name: str

    def read(self, operation: str, **request: Any) -> dict[str, Any]:
        """Ask; raises `Unavailable` or `Misconfigured`."""
        with self._explained(operation):
            return self._call(operation, request)

    def pages(self, **query: Any) -> Iterator[Item]:
        """Query consistently, one request a page, as long as more is asked for."""
        while True:
            answer = self.read("query", TableName=self.name, ConsistentRead=True, **query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, operation: str, **request: Any) -> dict[str, Any]:
        """Ask until the items are not in use by others: `CheckFailed`, `Unavailable` or `Misconfigured`.

        What was refused as busy was not done, so the very same request may follow; a transaction keeps its token.
        """
        unsure = False
        for pause in pauses():
            with self._explained(operation):
                try:
                    return self._call(operation, request)
                except ClientError as error:
                    unsure = unsure or _repeated(error)
                    _raise_unless_busy(error, unsure=unsure)
            time.sleep(pause)
        raise Unavailable(f"the table {self.name} is too busy: {operation} was tried {_TRIES} times")

    def transact(self, items: Sequence[Item]) -> None:
        """Write all items, each given as its verb and request, or none; a repetition by the SDK is harmless."""
        named = [{verb: request | {"TableName": self.name}} for item in items for verb, request in item.items()]
        self.write("transact_write_items", TransactItems=named, ClientRequestToken=secrets.token_hex(16))

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client, operation)(**request)
        return answer

    @contextmanager
    def _explained(self, operation: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            told = _told(error, self.name, operation)
            if told is None:
                raise
            raise told from error
        except (NoCredentialsError, NoRegionError) as error:
            raise Misconfigured(f"DynamoDB cannot be asked: {error}: set AWS_DEFAULT_REGION and the role") from error
        except BotoCoreError as error:
            raise Unavailable(f"DynamoDB did not answer {operation} on the table {self.name}: {error}") from error


def pauses() -> Iterator[float]:
    """Return how long to pause after each try, in seconds: a random part of a bound that doubles."""
    for done in range(_TRIES):
        yield random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**done))  # noqa: S311 - spreads load


def _raise_unless_busy(error: ClientError, *, unsure: bool) -> None:
    """Return only if other writers were in the way."""
    response: dict[str, Any] = dict(error.response)
    code = response["Error"]["Code"]
    if code == f"{_CHECK_FAILED}Exception":
        raise CheckFailed([response.get("Item", {})], unsure=unsure) from error
    reasons = response.get("CancellationReasons", [])
    codes = {reason.get("Code", "None") for reason in reasons}
    if _CHECK_FAILED in codes:
        found = [reason.get("Item", {}) if reason["Code"] == _CHECK_FAILED else None for reason in reasons]
        raise CheckFailed(found, unsure=unsure) from error
    if code != "TransactionConflictException" and not (codes and codes <= _BUSY | {"None"}):
        raise error


def _repeated(error: ClientError) -> bool:
    """Tell whether the SDK sent the request more than once."""
    metadata: dict[str, Any] = dict(error.response.get("ResponseMetadata", {}))
    return bool(metadata.get("RetryAttempts", 0))


def _told(error: ClientError, table: str, operation: str) -> Exception | None:
    """Return the error in our words; None for mistakes of our own, which pass as they are."""
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _AWAY or status >= 500:  # noqa: PLR2004 - HTTP: the server's fault
        return Unavailable(f"DynamoDB is away or at its limit: {operation} on the table {table}: {code}")
    if code in _MENDS:
        return Misconfigured(f"DynamoDB refuses {operation} on the table {table}: {code}: {_MENDS[code]}")
    return None
