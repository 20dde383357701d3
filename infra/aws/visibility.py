"""Hides records of SQS for a while, so that what came too early comes again in time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_log = logging.getLogger("litmus_gitops.batches")
_LINE: Final = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


def open_visibility() -> Callable[[Mapping[str, Any], int], None]:
    """Return what hides a record for so many seconds; should that fail, its queue says for how long."""

    @cache
    def client() -> Any:
        return botocore.session.get_session().create_client("sqs", config=_LINE)

    @cache
    def url(arn: str) -> str:
        found: str = client().get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        return found

    def hide(record: Mapping[str, Any], seconds: int) -> None:
        try:
            client().change_message_visibility(
                QueueUrl=url(record["eventSourceARN"]), ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:
            _log.warning("record %s stays hidden for as long as its queue says: %s", record["messageId"], error)

    return hide
