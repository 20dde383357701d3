"""Webhooks as we keep them: what the host's hook was given, and what was done so that it delivers."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["finding", "note"]


class Webhook(msgspec.Struct, frozen=True):
    """What we know of the hook of one repository; times are RFC 3339 UTC, empty where it never was.

    `hook` is its id at the host, `given` the reference of the secret that it was last given. `retiring` are references
    that stay live until deliveries come with `given`. `problem` is what was last told of it. It is looked at again at
    `look_at`; failures before `since` were seen to, and `redelivered` are those sent again lately. `probed_at` is when
    a test delivery was asked for, `revived_at` when the hook was last switched on again, `off` why the host had
    switched it off.
    """

    repo_url: str
    hook: str | None = None
    given: str | None = None
    given_at: str = ""
    retiring: tuple[str, ...] = ()
    problem: str | None = None
    look_at: str = ""
    since: str = ""
    redelivered: tuple[str, ...] = ()
    probed_at: str = ""
    revived_at: str = ""
    off: str = ""


class Finding(msgspec.Struct, frozen=True):
    """What is wrong and how to mend it; a `note` tells what is so on purpose, or was mended already."""

    what: str
    mend: str
    severity: Severity = "finding"
