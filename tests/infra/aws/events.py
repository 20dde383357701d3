"""Events as AWS sends them to Lambda: the documented shapes, with made-up values."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from tests.aws import REGION

ACCOUNT = "123456789012"
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
_TEXTS = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass
class Context:
    """Lambda's own word: how long the call may go on."""

    seconds: float = 300.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def request(
    method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a request of an HTTP API (payload format 2.0): headers in small letters, and what is no text as base64."""
    where, _, query = path.partition("?")
    sent = {"content-length": str(len(body or b"")), "host": HOST, "user-agent": "GitHub-Hookshot/5b8ee27"}
    sent |= {"x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e", "x-forwarded-for": "192.0.2.1"}
    sent |= {"x-forwarded-port": "443", "x-forwarded-proto": "https"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {where}",
        "rawPath": where,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": HOST.partition(".")[0],
            "domainName": HOST,
            "domainPrefix": HOST.partition(".")[0],
            "http": {
                "method": method,
                "path": where,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": sent["user-agent"],
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {where}",
            "stage": "$default",
            "time": "25/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795608000000,
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = dict(part.partition("=")[::2] for part in query.split("&"))
    return event if body is None else event | _body(body, sent.get("content-type", ""))


def _body(body: bytes, media: str) -> dict[str, Any]:
    if media.startswith(_TEXTS):
        return {"body": body.decode(), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def function_url(method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    """Return the same from a Function URL, which knows of no routes."""
    event = request(method, path, body, headers)
    event["routeKey"] = event["requestContext"]["routeKey"] = "$default"
    return event


def batch(messages: Iterable[Mapping[str, Any]], queue: str) -> dict[str, Any]:
    """Return what the event source mapping makes of messages that SQS' ReceiveMessage gave."""
    return {"Records": [_record(message, queue) for message in messages]}


def _record(message: Mapping[str, Any], queue: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795608000000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1795608000001",
        },
        "messageAttributes": {},
        "md5OfBody": md5(message["Body"].encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


TICK = {"tick": "reconcile"}
"""The input that the schedule is given."""

SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": ACCOUNT,
    "time": "2026-11-25T12:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/litmus-gitops/reconcile"],
    "detail": "{}",
}
"""What a schedule without an input sends."""
