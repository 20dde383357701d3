"""What `litmus-gitops doctor` looks at once for a deployment: is it there, does time agree, does work get done."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3

from infra.cli.portal import Portal

Row = dict[str, Any]
Finding = tuple[str, str]
"""What is wrong, and how to mend it."""

SKEW: Final = timedelta(seconds=60)
"""Clocks may differ by this: signatures are refused from five minutes on."""
SOON: Final = timedelta(days=14)
"""Whatever ends before that is told of."""
_LATE: Final = 60.0
_STILL: Final = timedelta(minutes=15)
_LOOKS: Final = 3
_PAUSE: Final = 0.5
_SECONDS: Final = 10


def unready(portal: Portal) -> Finding | None:
    """Return why the portal cannot be asked anything, None where it can."""
    try:
        answer = urllib3.request("GET", f"{portal.server}/readyz", timeout=_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError as error:
        mend = "is it running, and is that its address? name it with --server or LITMUS_GITOPS_URL"
        return f"{portal.server} does not answer: {error}", mend
    if answer.status == 200:  # noqa: PLR2004 - HTTP: success
        return None
    return f"{portal.server} is not ready: {_detail(answer)}", "mend that; its log says more"


def clock(portal: Portal) -> Iterator[Finding]:
    """Compare this machine's clock with the portal's, which its answers are dated by."""
    before = datetime.now(UTC)
    answer = urllib3.request("GET", f"{portal.server}/healthz", timeout=_SECONDS, retries=False)
    with suppress(TypeError, ValueError):
        ahead = parsedate_to_datetime(answer.headers["Date"]) - before
        if abs(ahead) > SKEW:
            what = f"the portal's clock is {told(ahead)} this machine's"
            yield what, "set both by NTP: signatures over five minutes off are refused"


def certificate(portal: Portal) -> Iterator[Finding]:
    """Look at the end of the certificate that the portal is served with."""
    parts = urlsplit(portal.server)
    if parts.scheme != "https" or parts.hostname is None:
        return
    address = (parts.hostname, parts.port or 443)
    try:
        with (
            socket.create_connection(address, _SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as secured,
        ):
            ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(secured.getpeercert()["notAfter"])), UTC)  # type: ignore[index]
    except (OSError, KeyError, TypeError) as error:
        yield f"the certificate of {portal.server} cannot be looked at: {error}", "serve one that this machine trusts"
        return
    if ends - datetime.now(UTC) < SOON:
        mend = "renew it: the API server and git hosts stop calling us when it ends"
        yield f"the certificate of {portal.server} ends on {ends:%Y-%m-%d %H:%M} UTC", mend


def queue(portal: Portal) -> Iterator[Finding]:
    """Find messages that nobody takes, and a timer that has stopped."""
    found = portal.call("GET", "/queue")
    for _ in range(_LOOKS - 1):
        if not found["ready"]:
            break
        time.sleep(_PAUSE)
        found = portal.call("GET", "/queue")
    if found["ready"] and found["oldest_age"] > _LATE:
        yield (
            f"{found['ready']} messages are due and not taken; the oldest was sent {_span(found['oldest_age'])} ago",
            "is what delivers messages running, and can it keep up? see its log, and litmus_gitops_messages_total",
        )
    at = found["reconciled_at"]
    if at is None or datetime.now(UTC) - datetime.fromisoformat(at) > _STILL:
        what = f"reconcile last ran at {at}" if at else "reconcile has never run"
        yield (
            f"{what}, so nothing that was lost is healed",
            "is its timer there? see RECONCILE_SECONDS, or the schedule",
        )


def told(ahead: timedelta) -> str:
    """Return how far a clock is off, in words."""
    return f"{_span(abs(ahead.total_seconds()))} {'ahead of' if ahead > timedelta() else 'behind'}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes


def _detail(answer: urllib3.BaseHTTPResponse) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(answer.data)["detail"])
    return f"it answered {answer.status}"
